"""A measured figure and how it is printed: one JSON object a line, or one plain line."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """`value` in `unit`; `limit` is what the project promises, `more` says under which conditions it was measured."""

    bench: str
    metric: str
    value: float
    unit: str
    limit: float | None = None
    more: dict[str, object] = field(default_factory=dict)

    def as_json(self) -> str:
        data = {"bench": self.bench, "metric": self.metric, "value": round(self.value, 3), "unit": self.unit}
        if self.limit is not None:
            data |= {"limit": self.limit, "kept": self.value <= self.limit}
        return json.dumps(data | self.more)

    def as_line(self) -> str:
        promise = "" if self.limit is None else f"   (promised: at most {self.limit:g} {self.unit})"
        return f"{self.bench:>10}  {self.metric:<24} {self.value:>10.3f} {self.unit}{promise}"


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of them lie, by linear interpolation."""
    return statistics.quantiles(values, n=1000, method="inclusive")[round(share * 1000) - 1]
