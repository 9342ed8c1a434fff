<?php
/**
 * What the plugin places on the pages of the shop: the widget's loader, and the ear for "a discount was applied".
 *
 * A cache may keep these pages and hand them to other shoppers: nothing about the visitor belongs here.
 *
 * @package Regulars
 */

defined( 'ABSPATH' ) || exit;

/**
 * After the widget applied a code through the Store API, let every kind of cart on the page show it.
 *
 * The event may bring that answer as detail.cart: the blocks then show it at once. Without it they ask again, and
 * WooCommerce 11 hides the total for two seconds meanwhile. Listening on the window while capturing hears the event
 * wherever on the page it was sent from.
 */
const REGULARS_APPLIED_JS = <<<'JS'
window.addEventListener( 'regulars:applied', function ( event ) {
	var data = window.wp && window.wp.data;
	var blocks = data && data.select( 'wc/store/cart' ) && data.dispatch( 'wc/store/cart' );
	var cart = event.detail && event.detail.cart;
	if ( blocks && blocks.receiveCart && cart ) {
		blocks.receiveCart( cart );
	} else if ( blocks ) {
		blocks.invalidateResolutionForStore();
	}
	if ( window.jQuery ) {
		window.jQuery( document.body ).trigger( 'update_checkout' ).trigger( 'wc_update_cart' ).trigger( 'wc_fragment_refresh' );
	}
}, true );
JS;

/**
 * Hook in.
 */
function regulars_start_storefront() {
	add_action( 'wp_footer', 'regulars_print_loader', 20 );
}

/**
 * Print the loader's script element. Who sees the widget is decided by the server.
 */
function regulars_print_loader() {
	$connection = regulars_connection();
	if ( ! $connection ) {
		return;
	}

	$attributes = array(
		'async'         => true,
		'src'           => esc_url_raw( $connection['loader_url'] ),
		'data-shop'     => $connection['shop_key'],
		'data-identity' => rest_url( 'regulars/v1/identity' ),
		'data-store'    => rest_url( 'wc/store/v1' ),
		'data-lang'     => substr( determine_locale(), 0, 2 ),
	);

	$order_id = regulars_received_order_id();
	if ( $order_id ) {
		$attributes['data-order'] = (string) $order_id;
	}

	wp_print_script_tag( $attributes );
	wp_print_inline_script_tag( REGULARS_APPLIED_JS );
}

/**
 * The order a shopper is being thanked for, if the page's address proves that it is theirs.
 *
 * @return int 0 for none.
 */
function regulars_received_order_id() {
	if ( ! is_order_received_page() ) {
		return 0;
	}
	$order = wc_get_order( absint( get_query_var( 'order-received' ) ) );
	$key   = isset( $_GET['key'] ) ? sanitize_text_field( wp_unslash( $_GET['key'] ) ) : ''; // phpcs:ignore WordPress.Security.NonceVerification.Recommended
	return $order instanceof WC_Order && $order->key_is_valid( $key ) ? $order->get_id() : 0;
}
