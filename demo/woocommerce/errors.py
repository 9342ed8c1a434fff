"""Answers that are refusals, in the shapes WordPress gives them."""

from collections.abc import Mapping


class WpError(Exception):
    """`{"code", "message", "data"}` with a status. Raised anywhere below a route, answered by the route's door."""

    def __init__(self, code: str, message: str, status: int, **data: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.data: object = {"status": status, **data}

    def body(self) -> Mapping[str, object]:
        return {"code": self.code, "message": self.message, "data": self.data}


class BareError(WpError):
    """The older shape whose data is a bare number: WordPress then always answers 500, whatever the number says."""

    def __init__(self, code: str, message: str, number: int) -> None:
        super().__init__(code, message, 500)
        self.data = number


def no_route() -> WpError:
    return WpError("rest_no_route", "No route was found matching the URL and request method.", 404)


def invalid_param(name: str, detail: str, *, code: str = "rest_invalid_param") -> WpError:
    return WpError(
        "rest_invalid_param",
        f"Invalid parameter(s): {name}",
        400,
        params={name: detail},
        details={name: {"code": code, "message": detail, "data": None}},
    )


def missing_param(name: str) -> WpError:
    return WpError("rest_missing_callback_param", f"Missing parameter(s): {name}", 400, params=[name])
