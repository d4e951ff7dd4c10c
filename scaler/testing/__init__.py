"""For people who write scalers: the tests that every trigger type must pass, made from its declaration, and a source
that answers from what was recorded. Knows no test runner.

    @pytest.mark.parametrize("check", conformance("my-queue"), ids=str)
    def test_conformance(check: Check) -> None:
        check()
"""

from scaler.testing.conformance import Check, conformance
from scaler.testing.recorded import Recorded, reply

__all__ = ["Check", "Recorded", "conformance", "reply"]
