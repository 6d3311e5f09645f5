"""Read side of monitoring."""

from apps.monitoring.selectors.packets import Packets, Row, packets

__all__ = ["Packets", "Row", "packets"]
