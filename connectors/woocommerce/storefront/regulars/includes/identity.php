<?php
/**
 * GET regulars/v1/identity: tells the widget, on the shop's own pages only, who is logged in.
 *
 * WordPress forgets the login cookie of REST calls that carry no nonce, and a nonce has no place in a page that a
 * cache may keep. So the cookie is read here, and what keeps other sites out is a header no other site can send
 * without asking first (X-Regulars), the browser's own word on where the call comes from, and no CORS headers.
 *
 * @package Regulars
 */

defined( 'ABSPATH' ) || exit;

const REGULARS_IDENTITY_ROUTE = '/regulars/v1/identity';

/**
 * Hook in.
 */
function regulars_start_identity() {
	add_action( 'rest_api_init', 'regulars_register_identity' );
	add_filter( 'rest_post_dispatch', 'regulars_identity_headers', 999, 3 );
	add_filter( 'rest_pre_serve_request', 'regulars_identity_without_cors', 999, 3 );
}

/**
 * Register the route.
 */
function regulars_register_identity() {
	register_rest_route(
		'regulars/v1',
		'/identity',
		array(
			'methods'             => WP_REST_Server::READABLE,
			'callback'            => 'regulars_answer_identity',
			'permission_callback' => 'regulars_may_ask_identity',
		)
	);
}

/**
 * Only scripts of the shop's own pages may ask.
 *
 * @param WP_REST_Request $request Request.
 * @return bool|WP_Error
 */
function regulars_may_ask_identity( WP_REST_Request $request ) {
	$origin = $request->get_header( 'origin' ); // Browsers send none with a GET to the page's own origin.
	$site   = $request->get_header( 'sec_fetch_site' );

	$own = '1' === $request->get_header( 'x_regulars' )
		&& ( null === $site || 'same-origin' === $site )
		&& ( null === $origin || regulars_origin( home_url() ) === regulars_origin( $origin ) );
	return $own ? true : new WP_Error( 'regulars_forbidden', __( 'Only pages of this shop may ask this.', 'regulars' ), array( 'status' => 403 ) );
}

/**
 * Answer who is logged in, signed; and the nonce that lets the widget put a code into this visitor's cart.
 *
 * @return WP_REST_Response
 */
function regulars_answer_identity() {
	defined( 'DONOTCACHEPAGE' ) || define( 'DONOTCACHEPAGE', true );

	$connection = regulars_connection();
	$user_id    = (int) wp_validate_auth_cookie( '', 'logged_in' );
	wp_set_current_user( $user_id ); // The nonce must be this user's.

	$token = null;
	if ( $connection && $user_id ) {
		$claims = regulars_identity_claims( $user_id, regulars_shop_url(), $connection['shop_key'], time() );
		$token  = regulars_jwt( $claims, $connection['kid'], regulars_key( $connection ) );
	}
	return new WP_REST_Response(
		array(
			'token' => $token,
			'nonce' => wp_create_nonce( 'wc_store_api' ),
		)
	);
}

/**
 * No cache keeps the answer, nor the refusal.
 *
 * @param WP_HTTP_Response $response Response.
 * @param WP_REST_Server   $server   Server.
 * @param WP_REST_Request  $request  Request.
 * @return WP_HTTP_Response
 */
function regulars_identity_headers( $response, $server, $request ) {
	if ( REGULARS_IDENTITY_ROUTE === $request->get_route() ) {
		$response->header( 'Cache-Control', 'no-store, private' );
	}
	return $response;
}

/**
 * WordPress lets every origin read REST answers; not this one.
 *
 * @param bool             $served  Whether the answer was sent already.
 * @param WP_HTTP_Response $result  Response.
 * @param WP_REST_Request  $request Request.
 * @return bool
 */
function regulars_identity_without_cors( $served, $result, $request ) {
	if ( REGULARS_IDENTITY_ROUTE === $request->get_route() ) {
		foreach ( array( 'Origin', 'Credentials', 'Methods', 'Headers' ) as $what ) {
			header_remove( 'Access-Control-Allow-' . $what );
		}
		header_remove( 'Access-Control-Expose-Headers' );
	}
	return $served;
}

/**
 * Scheme, host and port of an address.
 *
 * @param string $url Address or Origin header.
 * @return string
 */
function regulars_origin( $url ) {
	$parts = wp_parse_url( strtolower( $url ) );
	if ( empty( $parts['scheme'] ) || empty( $parts['host'] ) ) {
		return '';
	}
	$default = 'https' === $parts['scheme'] ? 443 : 80;
	return $parts['scheme'] . '://' . $parts['host'] . ':' . ( isset( $parts['port'] ) ? $parts['port'] : $default );
}
