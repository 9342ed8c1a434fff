<?php
/**
 * What is signed for the server, and how. Needs nothing of WordPress, so that it can be tested without one.
 *
 * @package Regulars
 */

/**
 * Bytes to base64url without padding (RFC 7515, section 2).
 *
 * @param string $bytes Raw bytes.
 * @return string
 */
function regulars_base64url_encode( $bytes ) {
	return rtrim( strtr( base64_encode( $bytes ), '+/', '-_' ), '=' ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions.obfuscation_base64_encode
}

/**
 * Base64url, padded or not, to bytes.
 *
 * @param mixed $text What the server sent.
 * @return string|null Null for anything that is not base64url.
 */
function regulars_base64url_decode( $text ) {
	if ( ! is_string( $text ) || ! preg_match( '/\A[A-Za-z0-9_-]*={0,2}\z/', $text ) ) {
		return null;
	}
	$bytes = base64_decode( strtr( $text, '-_', '+/' ), false ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions.obfuscation_base64_decode
	return false === $bytes ? null : $bytes;
}

/**
 * The claims by which the server knows a logged-in customer for five minutes.
 *
 * @param int    $customer_id WordPress user id, which is the WooCommerce customer id.
 * @param string $shop_url    Home address of the shop.
 * @param string $shop_key    The shop at the server.
 * @param int    $now         Unix seconds.
 * @return array
 */
function regulars_identity_claims( $customer_id, $shop_url, $shop_key, $now ) {
	return array(
		'iss' => $shop_url,
		'aud' => $shop_key,
		'sub' => (string) $customer_id,
		'iat' => $now,
		'exp' => $now + 300,
		'jti' => bin2hex( random_bytes( 16 ) ),
	);
}

/**
 * A JSON web token signed with HMAC-SHA256.
 *
 * @param array  $claims Claims.
 * @param string $kid    Name of the key.
 * @param string $key    The key, raw bytes.
 * @return string
 */
function regulars_jwt( array $claims, $kid, $key ) {
	$header = array(
		'alg' => 'HS256',
		'typ' => 'JWT',
		'kid' => $kid,
	);

	$signed = regulars_base64url_encode( regulars_json( $header ) ) . '.' . regulars_base64url_encode( regulars_json( $claims ) );
	return $signed . '.' . regulars_base64url_encode( hash_hmac( 'sha256', $signed, $key, true ) );
}

/**
 * The body of a nudge: "order 17 may have changed", and nothing else about it.
 *
 * @param int|string $order_id Order id.
 * @param int        $now      Unix seconds.
 * @return string
 */
function regulars_nudge_body( $order_id, $now ) {
	return regulars_json(
		array(
			'order' => (string) $order_id,
			'at'    => $now,
			'nonce' => bin2hex( random_bytes( 16 ) ),
		)
	);
}

/**
 * Value of the X-Regulars-Signature header.
 *
 * @param string $body Body, byte for byte as sent.
 * @param string $key  The key, raw bytes.
 * @return string
 */
function regulars_signature( $body, $key ) {
	return 'v1=' . hash_hmac( 'sha256', $body, $key );
}

/**
 * JSON without escaped slashes.
 *
 * @param array $value Anything UTF-8.
 * @return string
 */
function regulars_json( array $value ) {
	return json_encode( $value, JSON_UNESCAPED_SLASHES ); // phpcs:ignore WordPress.WP.AlternativeFunctions.json_encode_json_encode
}
