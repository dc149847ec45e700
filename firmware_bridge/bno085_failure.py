"""Why an IMU does not come up, each in one sentence: what was found, at which pin, how to mend it."""

from __future__ import annotations

from enum import StrEnum


class StartFailure(StrEnum):
    """The name of the reason."""

    BAD_CONFIG = "bad_config"
    LIBRARY_MISSING = "library_missing"
    SPI_NOT_OPENED = "spi_not_opened"
    PINS_NOT_OPENED = "pins_not_opened"
    WIRES_FAIL = "wires_fail"
    NO_INTERRUPT = "no_interrupt"
    FLOATING_MISO = "floating_miso"
    DEAD_MISO = "dead_miso"
    NO_BOOT = "no_boot"
    NO_PRODUCT_ID = "no_product_id"
    NO_FEATURE = "no_feature"
    NO_REPORTS = "no_reports"


class Bno085Error(RuntimeError):
    """The IMU cannot be used; `failure` names the reason."""

    def __init__(self, failure: StartFailure, sentence: str) -> None:
        super().__init__(sentence)
        self.failure = failure


def start_failure(failure: StartFailure, **facts: object) -> Bno085Error:
    """The error to raise; `facts` are what its sentence names in braces."""
    return Bno085Error(failure, "IMU: " + _SENTENCES[failure].format(**facts))


_SENTENCES = {
    StartFailure.BAD_CONFIG: "{what}",
    StartFailure.LIBRARY_MISSING: "{problem}; on a Raspberry Pi 4 `pip install 'wildrobot[pi4]'`, on a Pi 5 "
    "`pip install 'wildrobot[pi5]'`",
    StartFailure.SPI_NOT_OPENED: "{device} cannot be opened ({problem}); turn SPI on with `dtparam=spi=on` in "
    "config.txt, and put the user into the group spi",
    StartFailure.PINS_NOT_OPENED: "GPIO {pins} cannot be set up ({problem}); put the user into the group gpio, and on "
    "a Pi 5 install the extra pi5 in place of pi4",
    StartFailure.WIRES_FAIL: "SPI or GPIO {int_pin}, {reset_pin} or {wake_pin} was opened and cannot be used "
    "({problem}); see `dmesg`, and end other programs that use them",
    StartFailure.NO_INTERRUPT: "INT (GPIO{int_pin}) did not fall after a reset; check 3.3 V, the wires of INT and RST "
    "(GPIO{reset_pin}), and that PS0 and PS1 are high at power-up",
    StartFailure.FLOATING_MISO: "only ones on MISO (GPIO9), which nobody drives; check the wires of MISO, SCLK "
    "(GPIO11) and CS (GPIO8)",
    StartFailure.DEAD_MISO: "INT (GPIO{int_pin}) is low and only zeros are on MISO (GPIO9); check CS (GPIO8), SCLK "
    "(GPIO11) and MISO for a missing wire or a short to ground",
    StartFailure.NO_BOOT: "bytes come on MISO (GPIO9) and make no start-up message ({rejected}); shorten the wires, or "
    "lower speed_hz from {speed_hz}",
    StartFailure.NO_PRODUCT_ID: "the chip talks and does not listen; check the wires of MOSI (GPIO10) and WAKE "
    "(GPIO{wake_pin})",
    StartFailure.NO_FEATURE: "the chip does not confirm {missing}; check MOSI (GPIO10), and that it is a BNO085",
    StartFailure.NO_REPORTS: "reports are confirmed and none is plausible ({rejected}); turn the power off and on",
}
