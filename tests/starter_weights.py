"""Which tests need the starter's trained weights, and wait for them where a checkout has none."""

import pytest

from generation.shipped import shipped_lora, shipped_model

_MODEL, _LORA = shipped_model("starter"), shipped_lora("mosaic")

needs_weights = pytest.mark.skipif(
    _MODEL is None or not (_MODEL / "model_index.json").is_file() or not _LORA.is_file(),
    reason="the starter's weights are still being trained: python -m generation.starter.train",
)
