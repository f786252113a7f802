// SPDX-License-Identifier: Apache-2.0
/// Grants one of Clients requests in the same cycle: client 0 has the highest priority.
///
/// A client that is granted is served in this cycle, so that `grant_o` is its ready.
module priority_arbiter #(
  parameter int unsigned Clients = 4
) (
  input  logic [Clients-1:0] request_i,
  output logic [Clients-1:0] grant_o
);
  // The lowest set bit: subtracting one turns it and all below over.
  assign grant_o = request_i & ~(request_i - 1'b1);
endmodule
