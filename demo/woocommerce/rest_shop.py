"""What the REST API tells about the shop itself: the two indexes, system status, settings, currency."""

from demo.shop import catalogue
from demo.woocommerce.calls import Call, Reply
from demo.woocommerce.errors import WpError
from demo.woocommerce.shapes import rest_url
from demo.woocommerce.site import Site

# group -> id -> (label, kind, value)
SETTINGS: dict[str, dict[str, tuple[str, str, object]]] = {
    "general": {
        "woocommerce_store_address": ("Address line 1", "text", "Dlouha 5"),
        "woocommerce_store_city": ("City", "text", "Brno"),
        "woocommerce_default_country": ("Country / State", "select", "CZ"),
        "woocommerce_store_postcode": ("Postcode / ZIP", "text", "602 00"),
        "woocommerce_calc_taxes": ("Enable taxes", "checkbox", "yes"),
        "woocommerce_enable_coupons": ("Enable coupons", "checkbox", "yes"),
        "woocommerce_currency": ("Currency", "select", "EUR"),
        "woocommerce_currency_pos": ("Currency position", "select", "left"),
        "woocommerce_price_thousand_sep": ("Thousand separator", "text", ","),
        "woocommerce_price_decimal_sep": ("Decimal separator", "text", "."),
        "woocommerce_price_num_decimals": ("Number of decimals", "number", "2"),
    },
    "tax": {
        "woocommerce_prices_include_tax": ("Prices entered with tax", "radio", "yes"),
        "woocommerce_tax_display_shop": ("Display prices in the shop", "select", "incl"),
        "woocommerce_tax_display_cart": ("Display prices during cart and checkout", "select", "incl"),
    },
}
# What the shop says of its server; nothing depends on it.
MACHINE = {
    "wp_multisite": False,
    "wp_memory_limit": 536870912,
    "wp_debug_mode": False,
    "wp_cron": False,
    "wp_environment_type": "local",
    "language": "en_US",
    "external_object_cache": None,
    "server_info": "demo",
    "server_architecture": "demo",
    "php_version": "8.2.36",
    "php_post_max_size": 33554432,
    "php_max_execution_time": 300,
    "php_max_input_vars": 1000,
    "curl_version": "demo",
    "suhosin_installed": False,
    "max_upload_size": 33554432,
    "mysql_version": "10.11.19",
    "mysql_version_string": "10.11.19-MariaDB",
    "default_timezone": "UTC",
    "fsockopen_or_curl_enabled": True,
    "soapclient_enabled": False,
    "domdocument_enabled": True,
    "gzip_enabled": True,
    "mbstring_enabled": True,
    "remote_post_successful": False,
    "remote_post_response": "",
    "remote_get_successful": False,
    "remote_get_response": "",
}
HPOS_STORE = "Automattic\\WooCommerce\\Internal\\DataStores\\Orders\\OrdersTableDataStore"
VISIBILITY = (
    "exclude-from-catalog", "exclude-from-search", "featured", "outofstock", "rated-1", "rated-2", "rated-3", "rated-4",
    "rated-5",
)  # fmt: skip
ROUTES = (
    "orders", "orders/batch", "refunds", "customers", "coupons", "coupons/batch", "products", "webhooks",
    "system_status",
)  # fmt: skip


def index(site: Site) -> Reply:
    return Reply(
        {
            "name": catalogue.SHOP_NAME,
            "description": "A demo shop",
            "url": site.home_url,
            "home": site.home_url,
            "gmt_offset": "1",
            "timezone_string": "Europe/Prague",
            "namespaces": ["oembed/1.0", "wc/store", "wc/store/v1", "wc/v3", "regulars/v1", "wp/v2"],
            "authentication": {},
            "routes": {"/": {"namespace": "", "methods": ["GET"]}},
        }
    )


def namespace(site: Site) -> Reply:
    names = [name for name in ROUTES if name != "refunds" or site.version.refunds_route]
    routes = {f"/wc/v3/{name}": {"namespace": "wc/v3", "methods": ["GET"]} for name in names}
    return Reply({"namespace": "wc/v3", "routes": {"/wc/v3": {"namespace": "wc/v3", "methods": ["GET"]}, **routes}})


def system_status(site: Site, call: Call) -> Reply:
    version = site.version
    environment = {
        "home_url": site.home_url,
        "site_url": site.home_url,
        "store_id": "00000000-0000-4000-8000-000000000001",
        "version": version.woocommerce,
        "log_directory": "wp-content/uploads/wc-logs/",
        "log_directory_writable": True,
        "wp_version": version.wordpress,
        **MACHINE,
    }
    settings = {
        "api_enabled": False,
        "force_ssl": False,
        "currency": "EUR",
        "currency_symbol": "&euro;",
        "currency_position": "left",
        "thousand_separator": ",",
        "decimal_separator": ".",
        "number_of_decimals": 2,
        "geolocation_enabled": False,
        "taxonomies": {"external": "external", "grouped": "grouped", "simple": "simple", "variable": "variable"},
        "product_visibility_terms": {name: name for name in VISIBILITY},
        "woocommerce_com_connected": "no",
        "enforce_approved_download_dirs": True,
        "order_datastore": HPOS_STORE if version.hpos else "WC_Order_Data_Store_CPT",
        "HPOS_enabled": version.hpos,
        "HPOS_sync_enabled": False,
        "enabled_features": ["analytics", "custom_order_tables"] if version.hpos else ["analytics"],
    }
    security = {"secure_connection": site.tls, "hide_errors": True}
    return Reply({"environment": environment, "settings": settings, "security": security})


def currency(site: Site, call: Call) -> Reply:
    all_of_them = rest_url(site, "data/currencies")
    links = {"self": [{"href": f"{all_of_them}/EUR"}], "collection": [{"href": all_of_them}]}
    return Reply({"code": "EUR", "name": "Euro", "symbol": "&euro;", "_links": links})


def settings(site: Site, call: Call) -> Reply:
    group = str(call.params["group"])
    if group not in SETTINGS:
        raise WpError("rest_setting_setting_group_invalid", "Invalid setting group.", 404)
    return Reply([_setting(site, group, name) for name in SETTINGS[group]])


def setting(site: Site, call: Call) -> Reply:
    group, name = str(call.params["group"]), str(call.params["setting"])
    if name not in SETTINGS.get(group, {}):
        raise WpError("rest_setting_setting_invalid", "Invalid setting.", 404)
    return Reply(_setting(site, group, name))


def _setting(site: Site, group: str, name: str) -> dict[str, object]:
    label, kind, value = SETTINGS[group][name]
    return {
        "id": name,
        "label": label,
        "description": "",
        "type": kind,
        "default": value,
        "tip": "",
        "value": value,
        "group_id": group,
        "_links": {
            "self": [{"href": rest_url(site, f"settings/{group}/{name}")}],
            "collection": [{"href": rest_url(site, f"settings/{group}")}],
        },
    }
