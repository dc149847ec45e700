"""`python -m trainer`, and on macOS `mjpython -m trainer visualize`, whose window needs MuJoCo's own python."""

from .cli import main

main()
