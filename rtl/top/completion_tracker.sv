/// Counts commands as done in the order in which they were accepted.
///
/// Each accepted command enters with `runs_i` (0: it was refused and is done at once) and
/// `writes_i` (1: it is done with `write_done_i`, 0: with `load_done_i`). Those pulses come in the
/// order of their own kind, but a load may end before the writes of an earlier command are
/// answered; it then waits here. `done_o` pulses once for each command. At most Depth commands are
/// inside.
module completion_tracker #(
  parameter int unsigned Depth = 8
) (
  input  logic clk_i,
  input  logic rst_ni,

  input  logic valid_i,
  output logic ready_o,
  input  logic runs_i,
  input  logic writes_i,

  input  logic load_done_i,
  input  logic write_done_i,

  output logic done_o,
  output logic empty_o
);
  localparam int unsigned CountBits = $clog2(Depth + 1);
  typedef logic [CountBits-1:0] count_t;

  logic   head_valid, head_runs, head_writes;
  count_t usage, loads_q, writes_q;
  logic   take_load, take_write;

  fifo #(.Width(2), .Depth(Depth)) u_order (
    .clk_i,
    .rst_ni,
    .wr_valid_i (valid_i),
    .wr_ready_o (ready_o),
    .wr_data_i  ({runs_i, writes_i}),
    .rd_valid_o (head_valid),
    .rd_ready_i (done_o),
    .rd_data_o  ({head_runs, head_writes}),
    .usage_o    (usage)
  );

  assign take_load  = head_valid && head_runs && !head_writes && loads_q != '0;
  assign take_write = head_valid && head_runs && head_writes && writes_q != '0;
  assign done_o     = take_load || take_write || (head_valid && !head_runs);
  assign empty_o    = usage == '0;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      loads_q  <= '0;
      writes_q <= '0;
    end else begin
      loads_q  <= loads_q + CountBits'(load_done_i) - CountBits'(take_load);
      writes_q <= writes_q + CountBits'(write_done_i) - CountBits'(take_write);
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni) assert (loads_q + writes_q <= usage) else $error("more done than accepted");
  end
`endif
endmodule
