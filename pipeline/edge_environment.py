"""The environment of the project's edges, which load no project and read no settings module.

Input: the settings of an edge (shared/edge_settings.py). Output: the variables that give it those.
"""

from typing import Final

from django.core.exceptions import ImproperlyConfigured

from ..shared.common_settings import as_text
from ..shared.django_settings import name_of
from ..shared.settings import LISTS, Settings

#: Fields that an edge does not read, may not have, or that differ between the processes.
_NOT_FOR_EDGES: Final = {
    "broker_url", "broker_key_prefix", "service_tokens", "allowed_hosts", "debug", "edge_name", "metrics_port",
    "metrics_address", "drain_file", "beat_file", "public_edge_port", "public_flower_port",
    "grafana_url",
}  # fmt: skip


def environment(settings: Settings) -> dict[str, str]:
    """Return the variables of an edge with these settings, by name, without those that have their default."""
    found = {"DJANGO_SETTINGS_MODULE": "clarion.edge.settings"}
    for field, definition in Settings.model_fields.items():
        value = getattr(settings, field)
        if field in _NOT_FOR_EDGES or value == definition.default:
            continue
        if field in LISTS and any("," in as_text(one) for one in value):
            raise ImproperlyConfigured(
                f"{name_of(field)} is separated by commas, and one of its values has a comma: replace that value"
            )
        found[name_of(field)] = as_text(value)
    return found
