<?php
/**
 * The tie between this shop and its Regulars server: made with a code that works once, kept in one option.
 *
 * @package Regulars
 */

defined( 'ABSPATH' ) || exit;

/**
 * Options, none of them autoloaded: they hold the key, or change with every order.
 */
const REGULARS_CONNECTION = 'regulars_connection'; // server_url, shop_key, shop_url, kid, key, loader_url, since.
const REGULARS_ATTEMPT    = 'regulars_attempt';    // The last pairing that failed: server_url, shop_key, error.
const REGULARS_LAST_NUDGE = 'regulars_last_nudge'; // The last message to the server: at, order, status, error.

/**
 * The connection, or null when there is none or when it belongs to another address.
 *
 * A copy of a shop (staging, a restored backup) carries the original's key: it must not speak in its name.
 *
 * @return array|null
 */
function regulars_connection() {
	$connection = get_option( REGULARS_CONNECTION );
	if ( ! is_array( $connection ) || regulars_bare_address( $connection['shop_url'] ) !== regulars_bare_address( regulars_shop_url() ) ) {
		return null;
	}
	return $connection;
}

/**
 * Address of the shop: what home_url() says, before translation plugins add a language to it.
 *
 * @return string
 */
function regulars_shop_url() {
	$home = get_option( 'home' );
	return untrailingslashit( is_ssl() ? set_url_scheme( $home, 'https' ) : $home );
}

/**
 * An address without its scheme: moving a shop to https does not make it another shop.
 *
 * @param string $url Address.
 * @return string
 */
function regulars_bare_address( $url ) {
	return strtolower( preg_replace( '#\Ahttps?://#i', '', $url ) );
}

/**
 * The key as raw bytes.
 *
 * @param array $connection Connection.
 * @return string
 */
function regulars_key( array $connection ) {
	return regulars_base64url_decode( $connection['key'] );
}

/**
 * Pair, when the zip came with a pairing file and the shop is not connected yet.
 *
 * @param bool $network_wide A network's shops are paired one by one, never all with one code.
 */
function regulars_pair_on_activation( $network_wide = false ) {
	$offer = regulars_pairing_file();
	if ( $offer && ! $network_wide && ! regulars_connection() ) {
		regulars_pair( $offer );
	}
}

/**
 * What the file regulars-pairing.php in the zip offers.
 *
 * @return array|null server_url, shop_key, pairing_code.
 */
function regulars_pairing_file() {
	$file  = plugin_dir_path( REGULARS_FILE ) . 'regulars-pairing.php';
	$offer = is_readable( $file ) ? include $file : null;
	return is_array( $offer ) && isset( $offer['server_url'], $offer['shop_key'], $offer['pairing_code'] ) ? $offer : null;
}

/**
 * Read a connection line: https://server|SHOPKEY|CODE.
 *
 * @param string $line What was pasted, perhaps broken into lines by a mail program.
 * @return array server_url, shop_key, pairing_code; empty where missing.
 */
function regulars_read_line( $line ) {
	$parts = array_pad( explode( '|', preg_replace( '/\s+/', '', $line ) ), 3, '' );
	return array(
		'server_url'   => $parts[0],
		'shop_key'     => $parts[1],
		'pairing_code' => $parts[2],
	);
}

/**
 * Exchange a pairing code for a key and keep it.
 *
 * @param array $offer server_url, shop_key, pairing_code.
 * @return true|WP_Error The error's message is a sentence for the merchant.
 */
function regulars_pair( array $offer ) {
	$server_url = untrailingslashit( trim( $offer['server_url'] ) );
	$shop_key   = trim( $offer['shop_key'] );

	$answer = regulars_ask_for_key( $server_url, $shop_key, trim( $offer['pairing_code'] ) );
	if ( is_wp_error( $answer ) ) {
		$attempt = array(
			'server_url' => $server_url,
			'shop_key'   => $shop_key,
			'error'      => $answer->get_error_message(),
		);
		update_option( REGULARS_ATTEMPT, $attempt, false );
		return $answer;
	}

	$connection = array(
		'server_url' => $server_url,
		'shop_key'   => $shop_key,
		'shop_url'   => regulars_shop_url(),
		'kid'        => $answer['kid'],
		'key'        => $answer['key'],
		'loader_url' => $answer['loader_url'],
		'since'      => time(),
	);
	update_option( REGULARS_CONNECTION, $connection, false );
	delete_option( REGULARS_ATTEMPT );
	delete_option( REGULARS_LAST_NUDGE );
	wp_delete_file( plugin_dir_path( REGULARS_FILE ) . 'regulars-pairing.php' );
	return true;
}

/**
 * Forget the connection.
 */
function regulars_disconnect() {
	delete_option( REGULARS_CONNECTION );
	delete_option( REGULARS_ATTEMPT );
	delete_option( REGULARS_LAST_NUDGE );
}

/**
 * The call itself.
 *
 * @param string $server_url Server.
 * @param string $shop_key   The shop at the server.
 * @param string $code       Code that works once.
 * @return array|WP_Error kid, key, loader_url.
 */
function regulars_ask_for_key( $server_url, $shop_key, $code ) {
	if ( '' === $server_url || '' === $shop_key || '' === $code ) {
		return new WP_Error( 'regulars_incomplete', __( 'Something is missing: a connection line has a server address, a shop key and a code, with | between them.', 'regulars' ) );
	}
	if ( ! regulars_is_server_address( $server_url ) ) {
		return new WP_Error( 'regulars_address', __( 'The server address must begin with https://, because the server answers with a secret key.', 'regulars' ) );
	}
	if ( ! preg_match( '/\A[A-Za-z0-9_-]{8,128}\z/', $shop_key ) ) {
		return new WP_Error( 'regulars_shop_key', __( 'The shop key is not complete. Please copy the connection line again.', 'regulars' ) );
	}

	$body = array(
		'code'           => $code,
		'plugin_version' => REGULARS_VERSION,
		'site_url'       => regulars_shop_url(),
	);

	$response = wp_remote_post(
		$server_url . '/webhooks/woocommerce/' . $shop_key . '/pair',
		array(
			'headers'             => array(
				'Content-Type' => 'application/json',
				'Accept'       => 'application/json',
			),
			'body'                => regulars_json( $body ),
			'timeout'             => 15,
			'redirection'         => 0,
			'limit_response_size' => 65536,
		)
	);
	if ( is_wp_error( $response ) ) {
		/* translators: 1: server address, 2: technical reason in English. */
		return new WP_Error( 'regulars_unreachable', sprintf( __( 'The server %1$s did not answer (%2$s). Is it running, and may this shop reach it?', 'regulars' ), $server_url, $response->get_error_message() ) );
	}
	return regulars_read_answer( $server_url, wp_remote_retrieve_response_code( $response ), json_decode( wp_remote_retrieve_body( $response ), true ) );
}

/**
 * Make a key, or a sentence, of what the server answered.
 *
 * @param string $server_url Server.
 * @param int    $status     HTTP status.
 * @param mixed  $answer     Decoded JSON, null when it was none.
 * @return array|WP_Error kid, key, loader_url.
 */
function regulars_read_answer( $server_url, $status, $answer ) {
	if ( 429 === $status ) {
		return new WP_Error( 'regulars_too_many', __( 'There were too many tries. Please wait a few minutes and try again with a fresh code.', 'regulars' ) );
	}
	if ( $status >= 400 && $status < 500 && 404 !== $status && 405 !== $status ) {
		return new WP_Error( 'regulars_code', __( 'The server did not accept the code. A code works once and only for a short time: please make a new one in Regulars and paste the new connection line.', 'regulars' ) );
	}
	if ( $status >= 500 ) {
		/* translators: 1: server address, 2: HTTP status number. */
		return new WP_Error( 'regulars_server', sprintf( __( 'The server %1$s has a problem of its own (error %2$d). Please try again with a fresh code in a few minutes.', 'regulars' ), $server_url, $status ) );
	}

	$complete = 200 === $status && is_array( $answer )
		&& isset( $answer['kid'], $answer['key'], $answer['loader_url'] )
		&& is_string( $answer['kid'] ) && preg_match( '/\A[A-Za-z0-9._-]{1,128}\z/', $answer['kid'] )
		&& 32 === strlen( (string) regulars_base64url_decode( $answer['key'] ) )
		&& is_string( $answer['loader_url'] ) && regulars_is_server_address( $answer['loader_url'] );
	if ( ! $complete ) {
		/* translators: %s: server address. */
		return new WP_Error( 'regulars_answer', sprintf( __( 'Something answers at %s, but it is not a Regulars server. Please check the address.', 'regulars' ), $server_url ) );
	}
	return $answer;
}

/**
 * Whether an address may be given a secret: https, or this very machine.
 *
 * @param string $url Address.
 * @return bool
 */
function regulars_is_server_address( $url ) {
	$parts = wp_parse_url( $url );
	if ( empty( $parts['host'] ) || empty( $parts['scheme'] ) || isset( $parts['user'] ) || isset( $parts['query'] ) || isset( $parts['fragment'] ) ) {
		return false;
	}
	return 'https' === $parts['scheme']
		|| ( 'http' === $parts['scheme'] && in_array( $parts['host'], array( 'localhost', '127.0.0.1', '[::1]' ), true ) );
}
