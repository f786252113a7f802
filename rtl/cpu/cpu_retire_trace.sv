// SPDX-License-Identifier: Apache-2.0
/// Records what left execution, and shows it a cycle later together with the value that write back
/// gives to the register: the port at which a simulation compares the core with its oracle. If
/// Trace is not set, `retire_o` is zero and nothing of this remains.
///
/// `done_i`: an instruction completed; `trap_i`: it trapped, `info_i` says why. `info_i.pc` is its
/// address in both cases. `rd_i` and `rd_data_i` are those of write back, a cycle later.
module cpu_retire_trace #(
  parameter bit Trace = 1'b0
) (
  input  logic             clk_i,
  input  logic             rst_ni,

  input  logic             done_i,
  input  logic             trap_i,
  input  cpu_pkg::trap_t   info_i,
  input  logic [31:0]      insn_i,
  input  logic             load_i,
  input  logic             store_i,
  input  logic [31:0]      addr_i,
  input  logic [3:0]       strobe_i,
  input  logic [31:0]      write_data_i,
  input  logic [4:0]       rd_i,
  input  logic [31:0]      rd_data_i,

  output cpu_pkg::retire_t retire_o
);
  cpu_pkg::retire_t retire_d, retire_q;
  logic             access;

  assign access = done_i && (load_i || store_i);

  always_comb begin
    retire_d              = '0;
    retire_d.valid        = done_i || trap_i;
    retire_d.trap         = trap_i;
    retire_d.cause        = trap_i ? info_i.cause : cpu_pkg::CauseFetchMisaligned;
    retire_d.pc           = info_i.pc;
    retire_d.insn         = insn_i;
    retire_d.mem_addr     = access ? {addr_i[31:2], 2'b00} : '0;
    retire_d.read_strobe  = done_i && load_i ? strobe_i : '0;
    retire_d.write_strobe = done_i && store_i ? strobe_i : '0;
    for (int unsigned i = 0; i < 4; i++) begin
      if (retire_d.write_strobe[i]) retire_d.write_data[8*i +: 8] = write_data_i[8*i +: 8];
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) retire_q <= '0;
    else         retire_q <= retire_d;
  end

  always_comb begin
    retire_o = '0;
    if (Trace && retire_q.valid) begin
      retire_o = retire_q;
      if (!retire_q.trap && rd_i != 5'd0) begin
        retire_o.rd      = rd_i;
        retire_o.rd_data = rd_data_i;
      end
    end
  end

  logic unused_info;
  assign unused_info = ^{info_i.value, addr_i[1:0]};
endmodule
