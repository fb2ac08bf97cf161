"""The OpenAPI document, with the error answers of each endpoint.

Input: the endpoints. Output: Ninja's document of them, extended by the answers to callers without permission and to
invalid input, so that generated clients know them and random requests can be checked against them.
"""

from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

_DETAIL = {"application/json": {"schema": {"type": "object", "required": ["detail"], "properties": {"detail": {}}}}}


def _refusal(description: str) -> dict[str, Any]:
    return {"description": description, "content": _DETAIL}


UNREADABLE = _refusal("The body is no JSON")
UNKNOWN = _refusal("No session, no token, or one that does not count here")
FORGED = _refusal("A change by session without the CSRF token")
UNFIT = _refusal("What does not fit, and why")


class DocumentedAPI(NinjaAPI):
    """Ninja's API."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """Return the OpenAPI document; `options` as Ninja's."""
        document = super().get_openapi_schema(**options)
        for path in document["paths"].values():
            for method, operation in path.items():
                # Ninja's keys are numbers where an endpoint names them, and JSON would have both 422 and "422".
                operation["responses"] = {str(status): answer for status, answer in operation["responses"].items()}
                responses = operation["responses"]
                if operation.get("requestBody"):
                    responses.setdefault("400", UNREADABLE)
                if operation.get("security"):
                    responses.setdefault("401", UNKNOWN)
                    if method != "get" and "SessionAuth" in str(operation["security"]):
                        responses.setdefault("403", FORGED)
                if operation.get("requestBody") or operation.get("parameters"):
                    responses["422"] = UNFIT  # an endpoint's own answer is one form of it
        return document
