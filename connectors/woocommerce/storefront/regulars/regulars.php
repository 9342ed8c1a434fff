<?php
/**
 * Plugin Name:          Regulars
 * Description:          Points for your regular customers: ties this WooCommerce shop to your own Regulars server.
 * Version:              1.0.0
 * Requires at least:    6.2
 * Requires PHP:         7.4
 * Requires Plugins:     woocommerce
 * WC requires at least: 8.2
 * WC tested up to:      11.0
 * Author:               Regulars
 * License:              GPL-2.0-or-later
 * License URI:          https://www.gnu.org/licenses/gpl-2.0.html
 * Text Domain:          regulars
 * Domain Path:          /languages
 *
 * Read first: includes/pairing.php (the tie to the server), then identity.php, nudge.php and storefront.php, which use it.
 *
 * @package Regulars
 */

defined( 'ABSPATH' ) || exit;

const REGULARS_VERSION = '1.0.0';
const REGULARS_FILE    = __FILE__;

require __DIR__ . '/includes/signing.php';
require __DIR__ . '/includes/pairing.php';
require __DIR__ . '/includes/storefront.php';
require __DIR__ . '/includes/identity.php';
require __DIR__ . '/includes/nudge.php';
require __DIR__ . '/includes/settings.php';

register_activation_hook( REGULARS_FILE, 'regulars_pair_on_activation' );
add_action( 'before_woocommerce_init', 'regulars_declare_compatibility' );
add_action( 'plugins_loaded', 'regulars_start' );

/**
 * Tell WooCommerce that neither its order tables nor its cart and checkout blocks are in our way.
 */
function regulars_declare_compatibility() {
	if ( class_exists( '\Automattic\WooCommerce\Utilities\FeaturesUtil' ) ) {
		\Automattic\WooCommerce\Utilities\FeaturesUtil::declare_compatibility( 'custom_order_tables', REGULARS_FILE, true );
		\Automattic\WooCommerce\Utilities\FeaturesUtil::declare_compatibility( 'cart_checkout_blocks', REGULARS_FILE, true );
	}
}

/**
 * Hook in, when there is a WooCommerce to hook into.
 */
function regulars_start() {
	if ( ! class_exists( 'WooCommerce' ) ) {
		return;
	}
	if ( is_admin() ) {
		regulars_start_settings();
	}
	if ( regulars_connection() ) {
		regulars_start_storefront();
		regulars_start_identity();
		regulars_start_nudges();
	}
}
