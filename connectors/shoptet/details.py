"""What a shop's details say: words that install.py writes and others read."""

ESHOP_ID = "eshop_id"
HOME_URL = "home_url"
OAUTH_URL = "oauth_url"
ADMIN_URL = "admin_url"  # a page of the shop's admin, which may be at another host than the shop
MODULES = "modules"  # the names of active modules, with blanks between
VAT_PAYER, VAT_RATE = "vat_payer", "vat_rate"  # "yes" or "no"; the default rate, with which coupons' amounts are read
COUPON_TEMPLATE = "coupon_template"
YES, NO = "yes", "no"
COUPONS_MODULE = "discountCoupons"
