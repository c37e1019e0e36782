"""World lang of wit/guests/lang.wit in Python; componentize-py generates wit_world from it."""

from wit_world import exports
from wit_world.exports.language import Summary


class Language(exports.Language):
    def greet(self, name: str) -> str:
        return f"hello {name} from Python"

    def sum(self, xs: list[int]) -> int:
        return sum(xs)

    def reverse_bytes(self, b: bytes) -> bytes:
        return b[::-1]

    def stats(self, xs: list[float]) -> Summary:
        if not xs:
            return Summary(0, 0.0, 0.0, 0.0)
        return Summary(len(xs), sum(xs) / len(xs), min(xs), max(xs))
