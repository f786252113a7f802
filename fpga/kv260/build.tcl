# SPDX-License-Identifier: Apache-2.0
# Builds the bitstream of a KV260 from the sources: vivado -mode batch -source fpga/kv260/build.tcl
# Optional arguments, after -tclargs: clock in MHz (default 100), folder for the project (default build/fpga/kv260/vivado).
# Written for Vivado 2023.1 and newer.
set root [file normalize [file join [file dirname [info script]] .. ..]]
set mhz  [expr {[llength $argv] > 0 ? [lindex $argv 0] : 100}]
set dir  [expr {[llength $argv] > 1 ? [file normalize [lindex $argv 1]] : [file join $root build fpga kv260 vivado]}]

set boards [get_board_parts -quiet xilinx.com:kv260_som:part0:*]
if {[llength $boards] == 0} {
  error "the board files of the KV260 are missing: install xilinx.com:kv260_som from Vivado's board store"
}
create_project tern $dir -part xck26-sfvc784-2LV-c -force
set_property board_part [lindex [lsort $boards] end] [current_project]

# Sources, packages first.
set packages [list [file join $root rtl pkg tern_pkg.sv]]
foreach file [lsort [glob [file join $root rtl * *_pkg.sv]]] {
  if {$file ni $packages} { lappend packages $file }
}
set modules {}
foreach folder {lib cpu vector cluster chip} {
  foreach file [lsort [glob [file join $root rtl $folder *.sv]]] {
    if {$file ni $packages} { lappend modules $file }
  }
}
lappend modules [file join $root rtl board memory_region.sv]
lappend modules [file join $root fpga kv260 kv260_top.sv]
lappend modules [file join $root fpga kv260 tern_kv260.v]
add_files -norecurse [concat $packages $modules]
set_property verilog_define SYNTHESIS [current_fileset]
update_compile_order -fileset sources_1

# Block design: processor, its reset, two interconnects, the chip.
create_bd_design system
set ps [create_bd_cell -type ip -vlnv xilinx.com:ip:zynq_ultra_ps_e processor]
apply_bd_automation -rule xilinx.com:bd_rule:zynq_ultra_ps_e -config {apply_board_preset "1"} $ps
set_property -dict [list \
  CONFIG.PSU__USE__M_AXI_GP0 {1} \
  CONFIG.PSU__USE__M_AXI_GP1 {0} \
  CONFIG.PSU__USE__M_AXI_GP2 {0} \
  CONFIG.PSU__MAXIGP0__DATA_WIDTH {32} \
  CONFIG.PSU__USE__S_AXI_GP2 {1} \
  CONFIG.PSU__SAXIGP2__DATA_WIDTH {128} \
  CONFIG.PSU__USE__IRQ0 {1} \
  CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ $mhz \
] $ps

set chip  [create_bd_cell -type module -reference tern_kv260 chip]
set reset [create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset reset]
foreach name {registers memory} {
  set bus($name) [create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect $name]
  set_property -dict {CONFIG.NUM_SI {1} CONFIG.NUM_MI {1}} $bus($name)
}

set clock [get_bd_pins $ps/pl_clk0]
foreach pin {processor/maxihpm0_fpd_aclk processor/saxihp0_fpd_aclk chip/aclk registers/aclk memory/aclk reset/slowest_sync_clk} {
  connect_bd_net $clock [get_bd_pins $pin]
}
connect_bd_net [get_bd_pins $ps/pl_resetn0] [get_bd_pins $reset/ext_reset_in]
foreach pin {chip/aresetn registers/aresetn memory/aresetn} {
  connect_bd_net [get_bd_pins $reset/peripheral_aresetn] [get_bd_pins $pin]
}
connect_bd_intf_net [get_bd_intf_pins $ps/M_AXI_HPM0_FPD] [get_bd_intf_pins registers/S00_AXI]
connect_bd_intf_net [get_bd_intf_pins registers/M00_AXI]  [get_bd_intf_pins chip/s_axi]
connect_bd_intf_net [get_bd_intf_pins chip/m_axi]         [get_bd_intf_pins memory/S00_AXI]
connect_bd_intf_net [get_bd_intf_pins memory/M00_AXI]     [get_bd_intf_pins $ps/S_AXI_HP0_FPD]
connect_bd_net [get_bd_pins chip/irq] [get_bd_pins $ps/pl_ps_irq0]

# tern.dtso names the same address. The chip sees all DDR; its memory_region keeps it in its part of it.
assign_bd_address -offset 0xA0000000 -range 8K -target_address_space [get_bd_addr_spaces $ps/Data] \
  [get_bd_addr_segs chip/s_axi/reg0]
assign_bd_address -target_address_space [get_bd_addr_spaces chip/m_axi] \
  [get_bd_addr_segs $ps/SAXIGP2/HP0_DDR_LOW]
assign_bd_address -target_address_space [get_bd_addr_spaces chip/m_axi] \
  [get_bd_addr_segs $ps/SAXIGP2/HP0_DDR_HIGH]
validate_bd_design
save_bd_design

make_wrapper -files [get_files system.bd] -top -import
set_property top system_wrapper [current_fileset]
# The scratchpad: 32 memories of 5120 words, more than the block RAMs hold beside the rest.
set_property STEPS.SYNTH_DESIGN.ARGS.FLATTEN_HIERARCHY rebuilt [get_runs synth_1]
set_property STEPS.WRITE_BITSTREAM.ARGS.BIN_FILE true [get_runs impl_1]
launch_runs impl_1 -to_step write_bitstream -jobs 4
wait_on_run impl_1
if {[get_property PROGRESS [get_runs impl_1]] ne "100%"} {
  error "implementation failed; see $dir/tern.runs/impl_1/runme.log"
}

open_run impl_1
set out [file join $root build fpga kv260]
report_utilization    -file [file join $out utilization.txt]
report_timing_summary -file [file join $out timing.txt]
file copy -force [file join $dir tern.runs impl_1 system_wrapper.bin] [file join $out tern.bin]
if {[get_property SLACK [get_timing_paths]] < 0} {
  error "the design misses $mhz MHz; see build/fpga/kv260/timing.txt"
}
puts "fpga: build/fpga/kv260/tern.bin"
