// SPDX-License-Identifier: Apache-2.0
/// One step of CRC-32 (IEEE 802.3, as zlib's crc32()): the register after a byte.
///
/// The register starts with all ones; its complement, low byte first, is what is sent. A register
/// that has also taken those four bytes is 32'hdebb20e3, whatever came before.
module crc32_byte (
  input  logic [31:0] crc_i,
  input  logic [7:0]  byte_i,
  output logic [31:0] crc_o
);
  localparam logic [31:0] Polynomial = 32'hedb88320;  // reflected

  always_comb begin
    crc_o = crc_i ^ 32'(byte_i);
    for (int unsigned i = 0; i < 8; i++) begin
      crc_o = (crc_o >> 1) ^ (crc_o[0] ? Polynomial : 32'd0);
    end
  end
endmodule
