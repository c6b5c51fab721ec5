"""What the simulated device understands outside configuration mode. ``hook=X`` names the method or output."""

from typing import Final

from devices.lab.ios.grammar import Grammar

_USER: Final = """
show version ;; hook=show_version
show inventory ;; hook=show_inventory
show clock [detail] ;; hook=show_clock
show processes cpu ;; hook=show_processes_cpu
show memory statistics ;; hook=show_memory_statistics
show privilege ;; hook=show_privilege
show users ;; hook=show_users
show ntp associations ;; hook=show_ntp_associations
show ntp status ;; hook=show_ntp_status
show ip interface brief ;; hook=show_ip_interface_brief
show interfaces status ;; hook=show_interfaces_status
show interfaces description ;; hook=show_interfaces_description
show vlan [brief] ;; hook=show_vlan
show ip route ;; hook=show_ip_route
show cdp neighbors [detail] ;; hook=show_cdp_neighbors
terminal length <int:0-512> ;; hook=terminal_length
terminal width <int:0-512> ;; hook=terminal_other
terminal [no] monitor ;; hook=terminal_other
enable [<int:0-15>] ;; hook=enable
exit ;; hook=exit
quit ;; hook=exit
logout ;; hook=exit
"""
_PRIVILEGED: Final = """
show running-config [{all|brief}] ;; hook=show_running
show running-config interface <if> ;; hook=show_running_interface
show startup-config ;; hook=show_startup
show archive ;; hook=show_archive
archive config ;; hook=archive_config
show archive config differences [<word>] [<word>] ;; hook=show_differences
show access-lists [<word>] ;; hook=show_access_lists
show ip access-lists [<word>] ;; hook=show_access_lists
show logging ;; hook=show_logging
dir [<word>] ;; hook=dir
more <word> ;; hook=more
configure terminal ;; hook=configure
configure terminal revert timer <int:1-120> ;; hook=configure_revert
configure confirm ;; hook=configure_confirm
configure revert now ;; hook=configure_revert_now
configure replace <word> [list] [force] [revert trigger error] [timer <int:1-120>] ;; hook=configure_replace
show archive config incremental-diffs <word> [ignorecase] ;; hook=show_incremental
show archive config rollback timer ;; hook=show_rollback_timer
copy <word> running-config ;; hook=copy_to_running
copy null: <word> ;; hook=copy_null
verify {/md5} <word> ;; hook=verify
delete [/force] <word> ;; hook=delete
write [memory] ;; hook=write
write terminal ;; hook=show_running
write erase ;; hook=write_erase
erase startup-config ;; hook=write_erase
copy running-config startup-config ;; hook=copy_startup
copy running-config <word> ;; hook=copy_file
reload ;; hook=reload
clear logging ;; hook=terminal_other
clear counters ;; hook=terminal_other
disable ;; hook=disable
"""

USER: Final = Grammar("user", _USER)
PRIVILEGED: Final = Grammar("privileged", _USER + _PRIVILEGED)
