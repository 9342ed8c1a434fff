"""The loader and the files it names, over HTTP: kept by browsers as long as they are good, packed where that is understood."""

from flask import Response, make_response, request

from core.errors import NotFound
from widgets.assets import LOADER, NAMES, Asset, asset
from widgets.wire import NOT_KEPT

LOADER_AGE_S = 300
FOREVER = "public, max-age=31536000, immutable"


def loader() -> Response:
    found = asset(LOADER)
    response = _file(found)
    response.headers["Cache-Control"] = f"public, max-age={LOADER_AGE_S}, stale-while-revalidate=86400"
    response.set_etag(found.digest, weak=True)  # packed or not, it is the same
    return make_response(response.make_conditional(request))


def static_file(digest: str, name: str) -> Response:
    """A page that was loaded before an update gets today's file under yesterday's address, but must not keep it."""
    if name not in NAMES:
        raise NotFound("There is no such file")
    found = asset(name)
    response = _file(found)
    response.headers["Cache-Control"] = FOREVER if digest == found.digest else NOT_KEPT
    return response


def _file(found: Asset) -> Response:
    packed = request.accept_encodings.quality("gzip") > 0
    response = Response(found.packed if packed else found.content, content_type=found.content_type)
    response.vary.add("Accept-Encoding")
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    # Code and texts, the same for everybody and without credentials: any page may read them.
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response
