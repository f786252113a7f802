// SPDX-License-Identifier: Apache-2.0
/// Master port for device registers: one access at a time.
///
/// The core raises `start_i` for an access and holds it until `done_o`. A write is on `mmio_*` in
/// the same cycle, so that a device that is ready takes it at once; a read, and a write that has to
/// wait, come from registers in the next cycle and stay unchanged until `mmio_ready_i`, which also
/// brings the data of a read and `mmio_error_i`. `done_o` is in that cycle. If the core takes
/// `start_i` away, a request that is out already is completed all the same and its answer is
/// ignored; `busy_o` tells of one that is out.
///
/// With Registered, no path leads through here: each request comes from registers, and so does each
/// answer, one cycle later.
module cpu_mmio_port #(
  parameter bit Registered = 1'b0
) (
  input  logic        clk_i,
  input  logic        rst_ni,

  input  logic        start_i,
  input  logic        write_i,
  input  logic [31:0] addr_i,
  input  logic [3:0]  strobe_i,
  input  logic [31:0] data_i,
  output logic        done_o,
  output logic        error_o,
  output logic [31:0] data_o,
  output logic        busy_o,

  output logic        mmio_valid_o,
  input  logic        mmio_ready_i,
  input  logic        mmio_error_i,
  input  logic [31:0] mmio_data_i,
  output logic        mmio_write_o,
  output logic [31:0] mmio_addr_o,
  output logic [3:0]  mmio_strobe_o,
  output logic [31:0] mmio_data_o
);
  logic        valid_q, write_q;
  logic [29:0] word_q;
  logic [3:0]  strobe_q;
  logic [31:0] data_q;
  logic        direct;    // a write in its first cycle
  logic        answered;  // the answer to the access of `start_i` has been registered

  assign direct = !Registered && start_i && write_i && !valid_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_q <= 1'b0;
    else         valid_q <= mmio_valid_o ? !mmio_ready_i : start_i && !answered;
  end

  always_ff @(posedge clk_i) begin
    if (start_i && !valid_q) begin
      write_q  <= write_i;
      word_q   <= addr_i[31:2];
      strobe_q <= strobe_i;
      data_q   <= data_i;
    end
  end

  if (Registered) begin : gen_registered
    logic        done_q, error_q;
    logic [31:0] answer_q;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) done_q <= 1'b0;
      else         done_q <= mmio_valid_o && mmio_ready_i;
    end
    always_ff @(posedge clk_i) begin
      error_q  <= mmio_error_i;
      answer_q <= mmio_data_i;
    end
    assign answered = done_q;
    assign done_o   = done_q;
    assign error_o  = error_q;
    assign data_o   = answer_q;
  end else begin : gen_direct
    assign answered = 1'b0;
    assign done_o   = mmio_valid_o && mmio_ready_i;
    assign error_o  = mmio_error_i;
    assign data_o   = mmio_data_i;
  end

  assign busy_o        = valid_q || answered;
  assign mmio_valid_o  = valid_q || direct;
  assign mmio_write_o  = valid_q ? write_q : write_i;
  assign mmio_addr_o   = {valid_q ? word_q : addr_i[31:2], 2'b00};
  assign mmio_strobe_o = valid_q ? strobe_q : strobe_i;
  assign mmio_data_o   = valid_q ? data_q : data_i;

  logic unused_addr;
  assign unused_addr = ^addr_i[1:0];

`ifndef SYNTHESIS
  handshake_checker #(.Width(69)) u_check (
    .clk_i, .rst_ni,
    .valid_i (mmio_valid_o),
    .ready_i (mmio_ready_i),
    .data_i  ({mmio_write_o, mmio_addr_o, mmio_strobe_o, mmio_data_o})
  );
`endif
endmodule
