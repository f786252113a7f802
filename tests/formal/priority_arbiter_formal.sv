// SPDX-License-Identifier: Apache-2.0
/// Proof of rtl/lib/priority_arbiter.sv, for any requests.
module priority_arbiter_formal #(
  parameter int unsigned Clients = 4
) (
  input logic               clk_i,
  input logic [Clients-1:0] request_i
);
  logic rst_ni;
  initial rst_ni = 1'b0;
  always_ff @(posedge clk_i) rst_ni <= 1'b1;

  logic [Clients-1:0] grant;

  priority_arbiter #(.Clients(Clients)) dut (
    .request_i,
    .grant_o (grant)
  );

  logic [Clients-1:0] above;  // requests of clients with a higher priority than the granted one
  always_comb begin
    above = '0;
    for (int i = 1; i < Clients; i++) begin
      if (grant[i]) above = above | (request_i & ~({Clients{1'b1}} << i));
    end
  end

  always_comb begin
    if (rst_ni) begin
      assert ((grant & (grant - 1'b1)) == '0);
      assert ((grant & ~request_i) == '0);
      assert (above == '0);
      assert ((request_i != '0) == (grant != '0));

      cover (grant[Clients-1]);
      cover (grant[0] && request_i[Clients-1]);
      cover (request_i == '0);
    end
  end
endmodule
