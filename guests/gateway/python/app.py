"""World smg of wit/smg-gateway in Python: requests need a key, responses lose what says too much."""

from wit_world import exports
from wit_world.imports.middleware_types import (
    Action,
    Action_Continue,
    Action_Modify,
    Action_Reject,
    Header,
    ModifyAction,
    Request,
    Response,
)


def value(headers: list[Header], name: str) -> str | None:
    return next((h.value for h in headers if h.name.lower() == name), None)


class MiddlewareOnRequest(exports.MiddlewareOnRequest):
    def on_request(self, req: Request) -> Action:
        if value(req.headers, "x-api-key") != "let-me-in":
            return Action_Reject(401)
        return Action_Modify(ModifyAction(None, [Header("x-checked-by", "Python")], [], ["x-api-key"], None))


class MiddlewareOnResponse(exports.MiddlewareOnResponse):
    def on_response(self, resp: Response) -> Action:
        if resp.status < 500:
            return Action_Continue()
        body = f"sorry: {len(resp.body)} bytes withheld\n".encode()
        return Action_Modify(ModifyAction(502, [], [], ["server"], body))
