<?php
/**
 * Nudges: "order 17 may have changed", told to the server at once, so that points show seconds after the purchase.
 *
 * WooCommerce's own webhooks wait for wp-cron (about 45 s), and none of them tells of a deleted refund. A lost nudge
 * costs time, never points: the server also has the webhooks and reads the orders regularly.
 *
 * @package Regulars
 */

defined( 'ABSPATH' ) || exit;

/**
 * Actions whose first argument is the order id.
 */
const REGULARS_ORDER_ACTIONS = array(
	'woocommerce_order_status_changed',
	'woocommerce_payment_complete',
	'woocommerce_order_refunded',
	'woocommerce_trash_order',
	'woocommerce_untrash_order',
);

/**
 * The same for orders kept as posts, where the order list trashes and deletes without WooCommerce's actions.
 */
const REGULARS_POST_ACTIONS = array( 'trashed_post', 'untrashed_post', 'before_delete_post' );

/**
 * At most so many in one request. Imports and bulk edits touch more: those are found by the server's regular reading.
 */
const REGULARS_MAX_NUDGES = 20;

/**
 * Hook in.
 */
function regulars_start_nudges() {
	foreach ( REGULARS_ORDER_ACTIONS as $action ) {
		add_action( $action, 'regulars_note_order' );
	}
	foreach ( REGULARS_POST_ACTIONS as $action ) {
		add_action( $action, 'regulars_note_post' );
	}
	add_action( 'woocommerce_new_order', 'regulars_note_unless_draft', 10, 2 );
	add_action( 'woocommerce_before_delete_order', 'regulars_note_unless_draft', 10, 2 );
	add_filter( 'woocommerce_pre_delete_order_refund', 'regulars_note_refund', 10, 2 );
	add_action( 'shutdown', 'regulars_send_nudges', 1000 );
}

/**
 * Remember an order until the answer has been sent; asked without one, hand out what was remembered.
 *
 * @param int $order_id Order id.
 * @return int[]
 */
function regulars_note_order( $order_id = 0 ) {
	static $order_ids = array();
	if ( $order_id && count( $order_ids ) < REGULARS_MAX_NUDGES ) {
		$order_ids[ (int) $order_id ] = (int) $order_id;
	}
	return $order_ids;
}

/**
 * The block checkout keeps a draft while the shopper types, and WooCommerce sweeps old ones away: not an order yet.
 *
 * @param int           $order_id Order id.
 * @param WC_Order|null $order    Order, where the caller hands it over.
 */
function regulars_note_unless_draft( $order_id, $order = null ) {
	if ( ! $order instanceof WC_Order || ! $order->has_status( array( 'checkout-draft', 'auto-draft' ) ) ) {
		regulars_note_order( $order_id );
	}
}

/**
 * A post, if it is an order.
 *
 * @param int $post_id Post id.
 */
function regulars_note_post( $post_id ) {
	if ( 'shop_order' === get_post_type( $post_id ) && 'wc-checkout-draft' !== get_post_status( $post_id ) ) {
		regulars_note_order( $post_id );
	}
}

/**
 * A filter used as a notice: with orders in their own tables no action tells that a refund is deleted over REST.
 *
 * @param mixed           $check  Whether somebody else stopped the deletion.
 * @param WC_Order_Refund $refund Refund.
 * @return mixed
 */
function regulars_note_refund( $check, $refund ) {
	regulars_note_order( $refund->get_parent_id() );
	return $check;
}

/**
 * Tell the server, when the shopper already has the answer.
 *
 * Where PHP cannot finish the answer first (Apache's module) a shopper is never kept waiting: only staff and
 * background work send from there, and the thank-you page names its order to the server by itself.
 */
function regulars_send_nudges() {
	$order_ids  = regulars_note_order();
	$connection = $order_ids ? regulars_connection() : null;
	if ( ! $connection ) {
		return;
	}

	$finished = regulars_finish_answer();
	if ( ! $finished && ! wp_doing_cron() && 'cli' !== PHP_SAPI && ! current_user_can( 'edit_shop_orders' ) ) {
		return;
	}
	foreach ( $order_ids as $order_id ) {
		$told = regulars_send_nudge( $connection, $order_id, $finished );
		if ( '' !== $told['error'] ) {
			break; // The server is away: one time-out is enough.
		}
	}
	update_option( REGULARS_LAST_NUDGE, $told, false );
}

/**
 * Close the connection to the browser, where PHP can.
 *
 * @return bool
 */
function regulars_finish_answer() {
	foreach ( array( 'fastcgi_finish_request', 'litespeed_finish_request' ) as $finish ) {
		if ( function_exists( $finish ) ) {
			$finish();
			return true;
		}
	}
	return false;
}

/**
 * Send one nudge.
 *
 * @param array $connection Connection.
 * @param int   $order_id   Order id.
 * @param bool  $wait       Whether to wait for the server's word.
 * @return array For the settings page: at, order, status (0: not known), error.
 */
function regulars_send_nudge( array $connection, $order_id, $wait ) {
	$body     = regulars_nudge_body( $order_id, time() );
	$response = wp_remote_post(
		$connection['server_url'] . '/webhooks/woocommerce/' . $connection['shop_key'] . '/nudge',
		array(
			'headers'             => array(
				'Content-Type'         => 'application/json',
				'X-Regulars-Kid'       => $connection['kid'],
				'X-Regulars-Signature' => regulars_signature( $body, regulars_key( $connection ) ),
			),
			'body'                => $body,
			'timeout'             => 2,
			'blocking'            => $wait,
			'redirection'         => 0,
			'limit_response_size' => 1024,
		)
	);

	$failed = is_wp_error( $response );
	return array(
		'at'     => time(),
		'order'  => $order_id,
		'status' => $failed || ! $wait ? 0 : (int) wp_remote_retrieve_response_code( $response ),
		'error'  => $failed ? $response->get_error_message() : '',
	);
}
