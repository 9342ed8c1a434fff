<?php
/**
 * WooCommerce > Regulars: connect, see how it stands, disconnect.
 *
 * @package Regulars
 */

defined( 'ABSPATH' ) || exit;

/**
 * Hook in.
 */
function regulars_start_settings() {
	add_action( 'admin_menu', 'regulars_add_menu', 60 );
	add_action( 'admin_notices', 'regulars_print_notice' );
	add_action( 'admin_post_regulars_connect', 'regulars_handle_connect' );
	add_action( 'admin_post_regulars_disconnect', 'regulars_handle_disconnect' );
	add_filter( 'plugin_action_links_' . plugin_basename( REGULARS_FILE ), 'regulars_action_links' );
}

/**
 * Address of the settings page.
 *
 * @return string
 */
function regulars_settings_url() {
	return admin_url( 'admin.php?page=regulars' );
}

/**
 * Add the page below WooCommerce.
 */
function regulars_add_menu() {
	add_submenu_page( 'woocommerce', 'Regulars', 'Regulars', 'manage_woocommerce', 'regulars', 'regulars_print_settings' );
}

/**
 * Link to the page in the list of plugins.
 *
 * @param string[] $links Links.
 * @return string[]
 */
function regulars_action_links( $links ) {
	array_unshift( $links, '<a href="' . esc_url( regulars_settings_url() ) . '">' . esc_html__( 'Settings', 'regulars' ) . '</a>' );
	return $links;
}

/**
 * Handle "Connect".
 */
function regulars_handle_connect() {
	regulars_check_caller( 'regulars_connect' );

	// phpcs:disable WordPress.Security.NonceVerification.Missing -- checked above.
	$line  = isset( $_POST['line'] ) ? sanitize_text_field( wp_unslash( $_POST['line'] ) ) : '';
	$offer = array();
	foreach ( array( 'server_url', 'shop_key', 'pairing_code' ) as $part ) {
		$offer[ $part ] = isset( $_POST[ $part ] ) ? sanitize_text_field( wp_unslash( $_POST[ $part ] ) ) : '';
	}
	// phpcs:enable

	regulars_pair( '' !== $line ? regulars_read_line( $line ) : $offer );
	wp_safe_redirect( regulars_settings_url() );
	exit;
}

/**
 * Handle "Disconnect".
 */
function regulars_handle_disconnect() {
	regulars_check_caller( 'regulars_disconnect' );
	regulars_disconnect();
	wp_safe_redirect( regulars_settings_url() );
	exit;
}

/**
 * Stop whoever may not do this, or did not mean to.
 *
 * @param string $action Name of the nonce.
 */
function regulars_check_caller( $action ) {
	if ( ! current_user_can( 'manage_woocommerce' ) ) {
		wp_die( esc_html__( 'Sorry, only people who manage this shop may do this.', 'regulars' ), '', array( 'response' => 403 ) );
	}
	check_admin_referer( $action );
}

/**
 * On the list of plugins, right after activation: say whether the shop is connected, and where to go on.
 */
function regulars_print_notice() {
	if ( ! current_user_can( 'manage_woocommerce' ) || 'plugins' !== get_current_screen()->id || regulars_connection() ) {
		return;
	}
	$attempt = get_option( REGULARS_ATTEMPT );
	printf(
		'<div class="notice notice-warning"><p>%s %s <a href="%s">%s</a></p></div>',
		esc_html__( 'Regulars is not connected to its server yet.', 'regulars' ),
		esc_html( is_array( $attempt ) ? $attempt['error'] : '' ),
		esc_url( regulars_settings_url() ),
		esc_html__( 'Connect this shop', 'regulars' )
	);
}

/**
 * Print the page.
 */
function regulars_print_settings() {
	$connection = regulars_connection();
	$attempt    = get_option( REGULARS_ATTEMPT );

	echo '<div class="wrap"><h1>Regulars</h1>';
	if ( is_array( $attempt ) ) {
		printf( '<div class="notice notice-error inline" role="alert"><p><strong>%s</strong> %s</p></div>', esc_html__( 'The last try to connect failed.', 'regulars' ), esc_html( $attempt['error'] ) );
	}
	if ( $connection ) {
		regulars_print_connected( $connection );
	} else {
		regulars_print_unconnected();
	}
	echo '</div>';
}

/**
 * The page of a connected shop.
 *
 * @param array $connection Connection.
 */
function regulars_print_connected( array $connection ) {
	$rows = array(
		__( 'Server', 'regulars' )          => $connection['server_url'],
		__( 'Shop key', 'regulars' )        => $connection['shop_key'],
		__( 'Connected since', 'regulars' ) => wp_date( get_option( 'date_format' ) . ' ' . get_option( 'time_format' ), $connection['since'] ),
		__( 'Last order sent', 'regulars' ) => regulars_last_nudge_sentence(),
	);
	?>
	<div class="notice notice-success inline"><p>
		<strong><?php esc_html_e( 'This shop is connected.', 'regulars' ); ?></strong>
		<?php esc_html_e( 'Rules, rewards and who sees the widget are set in Regulars, not here.', 'regulars' ); ?>
	</p></div>
	<table class="form-table">
		<?php foreach ( $rows as $name => $value ) : ?>
			<tr><th scope="row"><?php echo esc_html( $name ); ?></th><td style="overflow-wrap: anywhere"><?php echo esc_html( $value ); ?></td></tr>
		<?php endforeach; ?>
	</table>
	<p><a class="button button-primary" href="<?php echo esc_url( $connection['server_url'] . '/admin/' ); ?>" target="_blank" rel="noopener"><?php esc_html_e( 'Open Regulars', 'regulars' ); ?></a></p>

	<h2><?php esc_html_e( 'Connect again', 'regulars' ); ?></h2>
	<p><?php esc_html_e( 'With a fresh connection line the shop gets a new key; points and members stay.', 'regulars' ); ?></p>
	<?php regulars_print_connect_form( __( 'Connect again', 'regulars' ), 'button' ); ?>

	<h2><?php esc_html_e( 'Disconnect', 'regulars' ); ?></h2>
	<p><?php esc_html_e( 'The widget leaves the shop and this shop forgets its key. Points are kept on the server. To end its reading of orders too, disconnect the shop in Regulars.', 'regulars' ); ?></p>
	<form method="post" action="<?php echo esc_url( admin_url( 'admin-post.php' ) ); ?>">
		<input type="hidden" name="action" value="regulars_disconnect">
		<?php wp_nonce_field( 'regulars_disconnect' ); ?>
		<p><button class="button button-link-delete" type="submit" onclick="return confirm( '<?php echo esc_js( __( 'Disconnect this shop? To connect it again you will need a fresh connection line.', 'regulars' ) ); ?>' )"><?php esc_html_e( 'Disconnect this shop', 'regulars' ); ?></button></p>
	</form>
	<?php
}

/**
 * The page of a shop that is not connected, or is a copy of one that is.
 */
function regulars_print_unconnected() {
	$stale = get_option( REGULARS_CONNECTION );
	if ( is_array( $stale ) ) {
		printf(
			'<div class="notice notice-warning inline"><p>%s</p></div>',
			esc_html(
				sprintf(
					/* translators: 1: address it was connected as, 2: present address. */
					__( 'This shop was connected as %1$s and now lives at %2$s. If it is a copy for testing, leave it as it is: it tells the server nothing. If the shop has moved, connect it again.', 'regulars' ),
					$stale['shop_url'],
					regulars_shop_url()
				)
			)
		);
	} elseif ( ! get_option( REGULARS_ATTEMPT ) ) {
		printf( '<div class="notice notice-info inline"><p>%s</p></div>', esc_html__( 'This shop is not connected yet, and shoppers see nothing of Regulars.', 'regulars' ) );
	}
	?>
	<p><?php esc_html_e( 'In Regulars, open this shop and copy its connection line. Then paste it here.', 'regulars' ); ?></p>
	<?php
	regulars_print_connect_form( __( 'Connect', 'regulars' ), 'button button-primary' );
}

/**
 * The form: one line to paste, or its three parts.
 *
 * @param string $label   Words on the button.
 * @param string $classes Its classes.
 */
function regulars_print_connect_form( $label, $classes ) {
	$attempt = get_option( REGULARS_ATTEMPT );
	$offer   = regulars_pairing_file();
	$known   = wp_parse_args( is_array( $attempt ) ? $attempt : $offer, array_fill_keys( array( 'server_url', 'shop_key' ), '' ) );
	$line    = $offer && ! $attempt ? $offer['server_url'] . '|' . $offer['shop_key'] . '|' . $offer['pairing_code'] : '';
	?>
	<form method="post" action="<?php echo esc_url( admin_url( 'admin-post.php' ) ); ?>" autocomplete="off">
		<input type="hidden" name="action" value="regulars_connect">
		<?php wp_nonce_field( 'regulars_connect' ); ?>
		<p>
			<label for="regulars-line"><strong><?php esc_html_e( 'Connection line', 'regulars' ); ?></strong></label><br>
			<input class="large-text code" style="max-width: 50em" id="regulars-line" name="line" type="text" spellcheck="false" autocapitalize="off" value="<?php echo esc_attr( $line ); ?>" placeholder="https://points.example.com|…|…">
		</p>
		<details>
			<summary><?php esc_html_e( 'Enter its three parts instead', 'regulars' ); ?></summary>
			<table class="form-table" role="presentation">
				<tr>
					<th scope="row"><label for="regulars-server"><?php esc_html_e( 'Server address', 'regulars' ); ?></label></th>
					<td><input class="regular-text code" id="regulars-server" name="server_url" type="url" value="<?php echo esc_attr( $known['server_url'] ); ?>"></td>
				</tr>
				<tr>
					<th scope="row"><label for="regulars-shop"><?php esc_html_e( 'Shop key', 'regulars' ); ?></label></th>
					<td><input class="regular-text code" id="regulars-shop" name="shop_key" type="text" spellcheck="false" autocapitalize="off" value="<?php echo esc_attr( $known['shop_key'] ); ?>"></td>
				</tr>
				<tr>
					<th scope="row"><label for="regulars-code"><?php esc_html_e( 'Pairing code', 'regulars' ); ?></label></th>
					<td>
						<input class="regular-text code" id="regulars-code" name="pairing_code" type="text" spellcheck="false" autocapitalize="off" autocomplete="one-time-code">
						<p class="description"><?php esc_html_e( 'Works once.', 'regulars' ); ?></p>
					</td>
				</tr>
			</table>
		</details>
		<p><button class="<?php echo esc_attr( $classes ); ?>" type="submit"><?php echo esc_html( $label ); ?></button></p>
	</form>
	<?php
}

/**
 * How the last message to the server went.
 *
 * @return string
 */
function regulars_last_nudge_sentence() {
	$told = get_option( REGULARS_LAST_NUDGE );
	if ( ! is_array( $told ) ) {
		return __( 'None yet. The first one goes out with the next order.', 'regulars' );
	}

	/* translators: 1: order id, 2: a time span like "5 minutes". */
	$what = sprintf( __( 'Order %1$d, %2$s ago.', 'regulars' ), $told['order'], human_time_diff( $told['at'] ) );
	if ( '' !== $told['error'] ) {
		/* translators: %s: technical reason in English. */
		$how = sprintf( __( 'The server did not answer (%s). Nothing is lost: it reads the orders when it is back.', 'regulars' ), $told['error'] );
	} elseif ( 0 === $told['status'] ) {
		$how = __( 'Sent.', 'regulars' );
	} elseif ( $told['status'] < 300 ) {
		$how = __( 'The server received it.', 'regulars' );
	} elseif ( $told['status'] < 500 && 429 !== $told['status'] ) {
		/* translators: %d: HTTP status number. */
		$how = sprintf( __( 'The server no longer accepts this shop’s key (answer %d). Please connect again with a fresh connection line.', 'regulars' ), $told['status'] );
	} else {
		/* translators: %d: HTTP status number. */
		$how = sprintf( __( 'The server was busy (answer %d). Nothing is lost: it reads the orders later.', 'regulars' ), $told['status'] );
	}
	return $what . ' ' . $how;
}
