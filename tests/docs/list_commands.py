"""`python tests/docs/list_commands.py` lists the commands that README and docs show: which are run, which are not."""

from __future__ import annotations

from shown_commands import PAGES, ROOT, RUN_ELSEWHERE, blocks_of, lines_of, rows, whole


def listed() -> dict[str, list[str]]:
    """Every shown command with its place, under why it is not run; those that are run under `run`."""
    found: dict[str, list[str]] = {"run": []}
    for page in PAGES:
        for block in blocks_of(page):
            why = f"run by {RUN_ELSEWHERE[page.name]}" if page.name in RUN_ELSEWHERE else block.mark or "run"
            place = f"{page.relative_to(ROOT)}:{block.line}"
            found.setdefault(why, []).extend(f"{place}  {' '.join(line.split())}" for line in lines_of(block.text))
    for row in rows():
        why = f"needs {row.needs}" if row.needs else "run"
        found.setdefault(why, []).extend(f"README.md:{row.line}  {command}" for command in whole(row.snippets))
    return found


if __name__ == "__main__":
    everything = listed()
    for why, commands in everything.items():
        print(f"{why}: {len(commands)}", *(f"  {command}" for command in commands), sep="\n")
