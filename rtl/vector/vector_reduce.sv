/// Reduces lines of results to a scalar: in four cycles groups of four lanes, the line, the row,
/// and the register.
///
/// `start_i` begins a command. A line is taken with `valid_i`; lanes that are not in `live_i` do
/// not count. `wide_i` takes the 64-bit products instead of the results. The value of a row (or,
/// with `all_i`, of the command) goes out with `write_o`; `done_o` comes with the last one.
module vector_reduce #(
  parameter int unsigned Lanes = 16
) (
  input  logic                clk_i,
  input  logic                rst_ni,

  input  logic                start_i,
  input  logic [7:0]          register_i,

  input  logic [2:0]          kind_i,
  input  logic                all_i,
  input  logic                wide_i,

  input  logic                valid_i,
  input  logic [7:0]          live_i,
  input  logic                first_i,
  input  logic                last_i,
  input  logic                ends_i,
  input  logic [32*Lanes-1:0] y_i,
  input  logic [64*Lanes-1:0] product_i,

  output logic                write_o,
  output logic [7:0]          register_o,
  output logic [63:0]         value_o,
  output logic                done_o
);
  localparam int unsigned Groups = Lanes / 4;

  // Maxima are taken of unsigned numbers: magnitudes, or signed values with their sign bit turned.
  // Zero changes neither a maximum nor a sum.
  logic [64*Groups-1:0] groups_q;
  logic [63:0]          line_q, value_q;
  logic                 groups_valid_q, line_valid_q, value_valid_q;
  logic [2:0]           groups_flags_q, line_flags_q;  // first, last, ends
  logic                 value_ends_q, begun_q;
  logic [7:0]           register_q;
  logic                 adds;

  assign adds = kind_i == tern_pkg::ReduceSum;

  function automatic logic [63:0] magnitude(input logic [63:0] value);
    magnitude = value[63] ? -value : value;
  endfunction

  function automatic logic [63:0] prepared(input logic [31:0] y, input logic [63:0] product,
                                           input logic [2:0] kind, input logic wide);
    logic [63:0] value;
    value = wide ? product : {{32{y[31]}}, y};
    case (kind)
      tern_pkg::ReduceMaxAbs: prepared = magnitude(value);
      tern_pkg::ReduceMax:    prepared = {32'd0, !y[31], y[30:0]};
      default:                prepared = value;
    endcase
  endfunction

  function automatic logic [63:0] combined(input logic [63:0] a, input logic [63:0] b,
                                           input logic sum);
    // Magnitudes stay below 2^40.
    if (sum) combined = a + b;
    else     combined = a[39:0] > b[39:0] ? a : b;
  endfunction

  function automatic logic [63:0] combined_line(input logic [64*Groups-1:0] groups,
                                                input logic sum);
    logic [63:0] value;
    value = groups[63:0];
    for (int unsigned g = 1; g < Groups; g++) value = combined(value, groups[64*g +: 64], sum);
    combined_line = value;
  endfunction

  // The live ones of four lanes.
  function automatic logic [63:0] combined_group(input logic [127:0] y,
                                                 input logic [255:0] products,
                                                 input logic [3:0] live,
                                                 input logic [2:0] kind, input logic wide);
    logic [63:0] a, b, c, d;
    a = live[0] ? prepared(y[31:0],   products[63:0],    kind, wide) : '0;
    b = live[1] ? prepared(y[63:32],  products[127:64],  kind, wide) : '0;
    c = live[2] ? prepared(y[95:64],  products[191:128], kind, wide) : '0;
    d = live[3] ? prepared(y[127:96], products[255:192], kind, wide) : '0;
    combined_group = combined(combined(a, b, kind == tern_pkg::ReduceSum),
                              combined(c, d, kind == tern_pkg::ReduceSum),
                              kind == tern_pkg::ReduceSum);
  endfunction

  for (genvar g = 0; g < Groups; g++) begin : gen_group
    logic [3:0] live;
    assign live = {8'(4*g + 3) < live_i, 8'(4*g + 2) < live_i, 8'(4*g + 1) < live_i,
                   8'(4*g) < live_i};

    always_ff @(posedge clk_i) begin
      if (valid_i) begin
        groups_q[64*g +: 64] <= combined_group(y_i[128*g +: 128], product_i[256*g +: 256], live,
                                               kind_i, wide_i);
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      groups_valid_q <= 1'b0;
      line_valid_q   <= 1'b0;
      value_valid_q  <= 1'b0;
    end else begin
      groups_valid_q <= valid_i;
      line_valid_q   <= groups_valid_q;
      value_valid_q  <= line_valid_q && (all_i ? line_flags_q[0] : line_flags_q[1]);
    end
  end

  always_ff @(posedge clk_i) begin
    if (valid_i) groups_flags_q <= {first_i, last_i, ends_i};
    if (groups_valid_q) begin
      line_q       <= combined_line(groups_q, adds);
      line_flags_q <= groups_flags_q;
    end
    if (line_valid_q) begin
      value_q      <= begun_q && !(line_flags_q[2] && !all_i)
                      ? combined(value_q, line_q, adds) : line_q;
      value_ends_q <= line_flags_q[0];
    end
    if (start_i)            begun_q <= 1'b0;
    else if (line_valid_q)  begun_q <= 1'b1;
    if (start_i)            register_q <= register_i;
    else if (value_valid_q) register_q <= register_q + 8'd1;
  end

  assign write_o    = value_valid_q;
  assign register_o = register_q;
  assign value_o    = kind_i == tern_pkg::ReduceMax
                      ? {{33{!value_q[31]}}, value_q[30:0]} : value_q;
  assign done_o     = value_valid_q && value_ends_q;
endmodule
