<?php
/**
 * Removes what the plugin kept in the shop. Points live on the server and stay.
 *
 * @package Regulars
 */

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

$regulars_blogs = is_multisite() ? get_sites(
	array(
		'fields' => 'ids',
		'number' => 0,
	)
) : array( get_current_blog_id() );
foreach ( $regulars_blogs as $regulars_blog ) {
	if ( is_multisite() ) {
		switch_to_blog( $regulars_blog );
	}
	array_map( 'delete_option', array( 'regulars_connection', 'regulars_attempt', 'regulars_last_nudge' ) );
	if ( is_multisite() ) {
		restore_current_blog();
	}
}
