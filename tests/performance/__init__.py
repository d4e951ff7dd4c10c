"""Benchmarks: `python -m tests.performance`, one module for each figure. They measure and compare with an aim; nothing
here fails because of a number. Figures that were measured, and where: `docs/performance.md`."""
