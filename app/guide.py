"""A short page on how to begin, for the person who has just started the server."""

from flask import Blueprint, current_app, render_template

from core.db.engine import reading
from core.merchants import queries as merchant_queries
from core.runtime import Runtime

blueprint = Blueprint("guide", __name__)


@blueprint.get("/guide")
@blueprint.get("/guide/")
def guide() -> str:
    runtime: Runtime = current_app.extensions["regulars"]
    with reading(runtime.db) as session:
        merchants = merchant_queries.all_merchants(session)
        has_shop = any(merchant_queries.shops(session, merchant.merchant_id) for merchant in merchants)
    return render_template("guide.html", demo=runtime.settings.demo, has_shop=has_shop)
