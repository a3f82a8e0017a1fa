"""What a run says on standard error."""

import sys


class Progress:
    """A line after each turn, with the time left if the others take as long as those so far."""

    def __init__(self, subjects: int, rows: int, rounds: int) -> None:
        self.total = subjects * rows * rounds
        self.count = 0
        self.seconds: list[float] = []

    def skip(self) -> None:
        self.count += 1

    def done(self, name: str, seconds: float, window: dict | None, failure: dict | None) -> None:
        self.count += 1
        self.seconds.append(seconds)
        left = (self.total - self.count) * sum(self.seconds) / len(self.seconds)
        if failure:
            told = failure["message"]
        else:
            told = f"{window['wallMilliseconds'] / window['steps']:.1f} ms a step"
        say(f"[{self.count}/{self.total}] {name}: {told}; {left:.0f} s left")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
