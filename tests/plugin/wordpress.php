<?php
/**
 * As much of WordPress and WooCommerce as the plugin touches, for tests: hooks, options, and HTTP that is only noted down.
 * What real shops do was seen on real shops; this keeps it so.
 */

define( 'ABSPATH', '/' );

class World {
	public static $hooks     = array();
	public static $options   = array( 'home' => 'https://shop.example' );
	public static $autoloads = array();
	public static $sent      = array(); // Calls out, as [url, arguments].
	public static $answers   = array(); // What they are answered, in turn; 200 {} when there are no more.
	public static $printed   = array();
	public static $user      = 0;       // Who the login cookie names.
	public static $orders    = array();
	public static $ssl       = false;   // Whether the request came by https.
	public static $received  = 0;       // Order id of the order-received page, 0 for other pages.
}

class WP_Error {
	private $message;
	public $data;
	public function __construct( $code, $message, $data = array() ) {
		$this->message = $message;
		$this->data    = $data;
	}
	public function get_error_message() {
		return $this->message;
	}
}
class WP_REST_Server {
	const READABLE = 'GET';
}
class WP_REST_Request {
	private $headers;
	private $route;
	public function __construct( array $headers, $route = '/regulars/v1/identity' ) {
		$this->headers = $headers;
		$this->route   = $route;
	}
	public function get_route() {
		return $this->route;
	}
	public function get_header( $name ) {
		return isset( $this->headers[ $name ] ) ? $this->headers[ $name ] : null;
	}
}
class WP_REST_Response {
	public $data;
	public $headers = array();
	public function header( $name, $value ) {
		$this->headers[ $name ] = $value;
	}
	public function __construct( $data ) {
		$this->data = $data;
	}
}
class WooCommerce {}
class WC_Order {
	private $id;
	private $status;
	public function __construct( $id, $status = 'processing' ) {
		$this->id     = $id;
		$this->status = $status;
	}
	public function get_id() {
		return $this->id;
	}
	public function has_status( $statuses ) {
		return in_array( $this->status, $statuses, true );
	}
	public function key_is_valid( $key ) {
		return 'wc_order_' . $this->id === $key;
	}
}
class WC_Order_Refund {
	public function get_parent_id() {
		return 17;
	}
}

function add_action( $hook, $callback, $priority = 10, $arguments = 1 ) {
	World::$hooks[ $hook ][] = array( $callback, $arguments );
}
function add_filter( $hook, $callback, $priority = 10, $arguments = 1 ) {
	add_action( $hook, $callback, $priority, $arguments );
}
function do_action( $hook, ...$given ) {
	foreach ( isset( World::$hooks[ $hook ] ) ? World::$hooks[ $hook ] : array() as list( $callback, $arguments ) ) {
		$value = $callback( ...array_slice( $given, 0, $arguments ) );
	}
	return isset( $value ) ? $value : null;
}
function register_activation_hook( $file, $callback ) {
	add_action( 'activate', $callback );
}

function get_option( $name ) {
	return isset( World::$options[ $name ] ) ? World::$options[ $name ] : false;
}
function update_option( $name, $value, $autoload = null ) {
	World::$options[ $name ]   = $value;
	World::$autoloads[ $name ] = $autoload;
}
function delete_option( $name ) {
	unset( World::$options[ $name ] );
}

function wp_remote_post( $url, $arguments ) {
	World::$sent[] = array( $url, $arguments );
	return World::$answers ? array_shift( World::$answers ) : array( 200, '{}' );
}
function wp_remote_retrieve_response_code( $response ) {
	return $response[0];
}
function wp_remote_retrieve_body( $response ) {
	return $response[1];
}
function is_wp_error( $thing ) {
	return $thing instanceof WP_Error;
}

function wp_validate_auth_cookie( $cookie, $scheme ) {
	return 'logged_in' === $scheme && World::$user ? World::$user : false;
}
function wp_set_current_user( $id ) {
	World::$printed[] = 'user ' . $id;
}
function wp_create_nonce( $action ) {
	return 'nonce for ' . $action;
}
function register_rest_route( ...$route ) {}
function rest_url( $path ) {
	return home_url() . '/wp-json/' . $path;
}
function home_url() {
	return World::$options['home'];
}

function is_ssl() {
	return World::$ssl;
}
function set_url_scheme( $url, $scheme ) {
	return preg_replace( '#^\w+:#', $scheme . ':', $url );
}

function is_order_received_page() {
	return (bool) World::$received;
}
function get_query_var( $name ) {
	return World::$received;
}
function wc_get_order( $id ) {
	return isset( World::$orders[ $id ] ) ? World::$orders[ $id ] : false;
}
function get_post_type( $id ) {
	return $id < 100 ? 'shop_order' : 'page';
}
function get_post_status( $id ) {
	return 50 === $id ? 'wc-checkout-draft' : 'wc-processing';
}
function wp_print_script_tag( $attributes ) {
	World::$printed[] = $attributes;
}
function wp_print_inline_script_tag( $script ) {
	World::$printed[] = $script;
}
function determine_locale() {
	return 'cs_CZ';
}

function untrailingslashit( $text ) {
	return rtrim( $text, '/' );
}
function wp_parse_url( $url ) {
	return parse_url( $url );
}
function plugin_dir_path( $file ) {
	return dirname( $file ) . '/';
}
function wp_delete_file( $file ) {
	World::$printed[] = 'deleted ' . basename( $file );
}
function esc_url_raw( $url ) {
	return $url;
}
function sanitize_text_field( $text ) {
	return is_string( $text ) ? trim( $text ) : '';
}
function wp_unslash( $text ) {
	return $text;
}
function absint( $number ) {
	return abs( (int) $number );
}
function __( $text, $domain ) {
	return $text;
}
function is_admin() {
	return false;
}
function wp_doing_cron() {
	return false;
}

const PAIRED = '{"kid":"k1","key":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8","loader_url":"https://points.example/widget/v1/loader.js"}';

/** A shop that is connected, and has started. */
function connected() {
	World::$answers = array( array( 200, PAIRED ) );
	regulars_pair( regulars_read_line( 'https://points.example|0123456789abcdef|CODE' ) );
	World::$sent    = array();
	World::$printed = array();
	regulars_start();
}

/** Ids of the orders the server was told of, at the end of the request. */
function told() {
	do_action( 'shutdown' );
	return array_map(
		function ( $call ) {
			return json_decode( $call[1]['body'] )->order;
		},
		World::$sent
	);
}

require getenv( 'PLUGIN' ) . '/regulars.php';
