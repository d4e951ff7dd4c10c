"""From KEDA to us and back: what is in a cluster (`survey`), what of it stands in the way (`takeover`), and what is
written to give it back (`handback`). The daemon needs none of it; `scaler adopt` and `scaler release` do."""
