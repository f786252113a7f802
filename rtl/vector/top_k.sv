/// The largest elements of a long vector with their element numbers, largest first; among equals
/// the earlier element is in front.
///
/// A line is taken with `valid_i && ready_o`, its elements are numbered from the last `clear_i`
/// on. Those that exceed the smallest kept value, or all while there is room, are inserted one a
/// cycle, lower lane first; that value may be a few cycles old, which lets too many pass but never
/// too few. `idle_o`: nothing is left to insert. `count_o` elements are kept, `keep_i` of the last
/// `clear_i` at most; `value_o` and `number_o` are those of place `index_i` of the cycle before.
module top_k #(
  parameter int unsigned Lanes = 16
) (
  input  logic                clk_i,
  input  logic                rst_ni,

  input  logic                clear_i,
  input  logic [6:0]          keep_i,

  input  logic                valid_i,
  output logic                ready_o,
  input  logic [7:0]          live_i,
  input  logic [32*Lanes-1:0] y_i,
  output logic                idle_o,

  output logic [6:0]          count_o,
  input  logic [5:0]          index_i,
  output logic [31:0]         value_o,
  output logic [31:0]         number_o
);
  localparam int unsigned Places   = tern_pkg::TopK;
  localparam int unsigned LaneBits = $clog2(Lanes);

  logic [32*Places-1:0] values_q, numbers_q;
  logic [6:0]           count_q, keep_q;
  logic [31:0]          least_q, next_number_q;
  logic                 full_q;

  logic [Lanes-1:0]     candidates_d, candidates_q, rest;
  logic [32*Lanes-1:0]  line_q;
  logic [31:0]          line_number_q;
  logic [LaneBits-1:0]  lane;
  logic                 insert_q;
  logic [31:0]          value_q, number_q;
  logic [Places-1:0]    ahead;

  function automatic logic exceeds(input logic [31:0] a, input logic [31:0] b);
    exceeds = {!a[31], a[30:0]} > {!b[31], b[30:0]};
  endfunction

  // The lowest candidate is cleared by subtracting 1.
  assign rest    = candidates_q & (candidates_q - 1'b1);
  assign ready_o = rest == '0;
  assign idle_o  = candidates_q == '0 && !insert_q;

  always_comb begin
    candidates_d = '0;
    if (valid_i) begin
      for (int unsigned i = 0; i < Lanes; i++) begin
        candidates_d[i] = 8'(i) < live_i && (!full_q || exceeds(y_i[32*i +: 32], least_q));
      end
    end
  end

  always_comb begin
    lane = '0;
    for (int unsigned i = 0; i < Lanes; i++) begin
      if (candidates_q[i] && !rest[i]) lane = LaneBits'(i);
    end
  end

  // The new element goes before all that it exceeds; these and the free places are at the end.
  always_comb begin
    ahead = '0;
    if (insert_q) begin
      for (int unsigned i = 0; i < Places; i++) begin
        ahead[i] = 7'(i) >= count_q || exceeds(value_q, values_q[32*i +: 32]);
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      candidates_q <= '0;
      insert_q     <= 1'b0;
      count_q      <= '0;
      keep_q       <= 7'(Places);
      full_q       <= 1'b0;
    end else begin
      candidates_q <= ready_o ? candidates_d : rest;
      insert_q     <= candidates_q != '0;
      if (clear_i) begin
        count_q <= '0;
        keep_q  <= keep_i;
        full_q  <= 1'b0;
      end else begin
        if (insert_q && count_q != keep_q) count_q <= count_q + 7'd1;
        full_q <= count_q == keep_q;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (clear_i) begin
      next_number_q <= '0;
    end else if (valid_i && ready_o) begin
      line_q        <= y_i;
      line_number_q <= next_number_q;
      next_number_q <= next_number_q + 32'(live_i);
    end
    if (candidates_q != '0) begin
      value_q  <= line_q[32*lane +: 32];
      number_q <= line_number_q + 32'(lane);
    end
    if (insert_q) begin
      for (int unsigned i = 0; i < Places; i++) begin
        if (ahead[i]) begin
          values_q[32*i +: 32]  <= i > 0 && ahead[i > 0 ? i - 1 : 0]
                                   ? values_q[32*(i > 0 ? i - 1 : 0) +: 32] : value_q;
          numbers_q[32*i +: 32] <= i > 0 && ahead[i > 0 ? i - 1 : 0]
                                   ? numbers_q[32*(i > 0 ? i - 1 : 0) +: 32] : number_q;
        end
      end
    end
    least_q  <= values_q[32*6'(keep_q - 7'd1) +: 32];
    value_o  <= values_q[32*index_i +: 32];
    number_o <= numbers_q[32*index_i +: 32];
  end

  assign count_o = count_q;
endmodule
