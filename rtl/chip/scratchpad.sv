// SPDX-License-Identifier: Apache-2.0
/// Scratchpad of Cfg.scratch_words int32 for several clients: in each cycle one of them reads and one writes
/// Lanes consecutive words from any word address.
///
/// Client i has the ports i of the packed vectors; client 0 has the highest priority. A request is
/// accepted with `*_valid_i && *_ready_o` and must hold until then. A read accepted in cycle t has
/// its words on `rd_data_o` in cycle t+2, marked by its bit of `rd_data_valid_o`: word i is
/// scratchpad word addr + i. A write accepted in cycle t puts word i to addr + i where mask bit i
/// is set; reads accepted in cycle t+2 or later see it. Words beyond the scratchpad read as
/// anything and are not written.
///
/// Word a lies in line a / Lanes of bank a % Lanes, so that consecutive words are in different
/// banks; those that wrapped around lie one line further, and rotating puts them in order. Lanes is
/// a power of two and divides the number of words.
module scratchpad #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig,
  parameter int unsigned ReadClients  = 3,
  parameter int unsigned WriteClients = 4,
  localparam int unsigned Lanes       = Cfg.lanes
) (
  input  logic                             clk_i,
  input  logic                             rst_ni,

  input  logic [ReadClients-1:0]           rd_valid_i,
  output logic [ReadClients-1:0]           rd_ready_o,
  input  logic [20*ReadClients-1:0]        rd_addr_i,
  output logic [ReadClients-1:0]           rd_data_valid_o,
  output logic [32*Lanes-1:0]              rd_data_o,

  input  logic [WriteClients-1:0]          wr_valid_i,
  output logic [WriteClients-1:0]          wr_ready_o,
  input  logic [20*WriteClients-1:0]       wr_addr_i,
  input  logic [Lanes*WriteClients-1:0]    wr_mask_i,
  input  logic [32*Lanes*WriteClients-1:0] wr_data_i
);
  localparam int unsigned AddrBits  = 20;
  localparam int unsigned LaneBits  = $clog2(Lanes);
  localparam int unsigned LineBits  = AddrBits - LaneBits;
  localparam int unsigned Words     = Cfg.scratch_words;
  localparam int unsigned Lines     = Words / Lanes;
  localparam int unsigned IndexBits = $clog2(Lines);

  typedef logic [AddrBits-1:0] addr_t;
  typedef logic [LaneBits-1:0] lane_t;

  // Word i of the result is word (i + amount) % Lanes.
  function automatic logic [32*Lanes-1:0] rotate_down(input logic [32*Lanes-1:0] words,
                                                      input logic [LaneBits-1:0] amount);
    rotate_down = words;
    for (int unsigned k = 0; k < LaneBits; k++) begin
      if (amount[k]) begin
        rotate_down = (rotate_down >> (32 << k)) | (rotate_down << (32 * Lanes - (32 << k)));
      end
    end
  endfunction

  function automatic logic [Lanes-1:0] rotate_mask_up(input logic [Lanes-1:0] mask,
                                                      input logic [LaneBits-1:0] amount);
    rotate_mask_up = Lanes'({mask, mask} >> (Lanes - 32'(amount)));
  endfunction

  logic [ReadClients-1:0]  rd_grant, rd_grant_q;
  logic [WriteClients-1:0] wr_grant;

  priority_arbiter #(.Clients(ReadClients)) u_read_arbiter (
    .request_i (rd_valid_i),
    .grant_o   (rd_grant)
  );
  priority_arbiter #(.Clients(WriteClients)) u_write_arbiter (
    .request_i (wr_valid_i),
    .grant_o   (wr_grant)
  );

  // Read: the banks in the cycle of the request, the rotator in the next one.
  addr_t                rd_addr;
  lane_t                rd_rotate_q;
  logic [LineBits-1:0]  rd_line, rd_line_next;
  logic [Lanes-1:0]     rd_wrapped;  // banks that are read one line further
  logic [32*Lanes-1:0]  banks;

  always_comb begin
    rd_addr = '0;
    for (int unsigned i = 0; i < ReadClients; i++) begin
      if (rd_grant[i]) rd_addr = rd_addr | rd_addr_i[AddrBits*i +: AddrBits];
    end
  end
  assign rd_line      = rd_addr[AddrBits-1:LaneBits];
  assign rd_line_next = rd_line + 1'b1;
  assign rd_wrapped   = ~({Lanes{1'b1}} << rd_addr[LaneBits-1:0]);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rd_grant_q      <= '0;
      rd_data_valid_o <= '0;
    end else begin
      rd_grant_q      <= rd_grant;
      rd_data_valid_o <= rd_grant_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (rd_grant != '0)   rd_rotate_q <= rd_addr[LaneBits-1:0];
    if (rd_grant_q != '0) rd_data_o   <= rotate_down(banks, rd_rotate_q);
  end

  // Write: the rotator in the cycle of the request, the banks in the next one.
  logic                 wr_valid_q;
  logic [LineBits-1:0]  wr_line_q;
  logic [LineBits:0]    wr_line_next;  // one bit more: nothing wraps to the first words
  lane_t                wr_lane_q;
  logic [Lanes-1:0]     wr_mask_q, wr_wrapped;
  logic [32*Lanes-1:0]  wr_data_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) wr_valid_q <= 1'b0;
    else         wr_valid_q <= wr_grant != '0;
  end

  always_ff @(posedge clk_i) begin : accept_write
    addr_t               addr;
    logic [Lanes-1:0]    mask;
    logic [32*Lanes-1:0] data;
    if (wr_grant != '0) begin
      addr = '0;
      mask = '0;
      data = '0;
      for (int unsigned i = 0; i < WriteClients; i++) begin
        if (wr_grant[i]) begin
          addr = addr | wr_addr_i[AddrBits*i +: AddrBits];
          mask = mask | wr_mask_i[Lanes*i +: Lanes];
          data = data | wr_data_i[32*Lanes*i +: 32*Lanes];
        end
      end
      wr_line_q <= addr[AddrBits-1:LaneBits];
      wr_lane_q <= addr[LaneBits-1:0];
      wr_mask_q <= rotate_mask_up(mask, addr[LaneBits-1:0]);
      wr_data_q <= rotate_down(data, -addr[LaneBits-1:0]);
    end
  end
  assign wr_line_next = {1'b0, wr_line_q} + 1'b1;
  assign wr_wrapped   = ~({Lanes{1'b1}} << wr_lane_q);

  for (genvar b = 0; b < Lanes; b++) begin : gen_bank
    logic [31:0]         mem_q [Lines];
    logic [31:0]         data_q;
    logic [LineBits-1:0] read_line;
    logic [LineBits:0]   write_line;

    assign read_line  = rd_wrapped[b] ? rd_line_next : rd_line;
    assign write_line = wr_wrapped[b] ? wr_line_next : {1'b0, wr_line_q};

    always_ff @(posedge clk_i) begin
      if (wr_valid_q && wr_mask_q[b] && 32'(write_line) < Lines) begin
        mem_q[write_line[IndexBits-1:0]] <= wr_data_q[32*b +: 32];
      end
      if (rd_grant != '0) data_q <= mem_q[read_line[IndexBits-1:0]];
    end
    assign banks[32*b +: 32] = data_q;

    logic unused_line;
    assign unused_line = ^read_line;
  end

  assign rd_ready_o = rd_grant;
  assign wr_ready_o = wr_grant;

`ifndef SYNTHESIS
  initial begin
    if (Lanes < 2 || 1 << LaneBits != Lanes || Words % Lanes != 0 || Words > 1 << AddrBits) begin
      $fatal(1, "scratchpad: %0d words in %0d lanes", Words, Lanes);
    end
  end

  for (genvar i = 0; i < ReadClients; i++) begin : gen_check_read
    handshake_checker #(.Width(AddrBits)) u_check (
      .clk_i, .rst_ni,
      .valid_i (rd_valid_i[i]),
      .ready_i (rd_ready_o[i]),
      .data_i  (rd_addr_i[AddrBits*i +: AddrBits])
    );
  end
  for (genvar i = 0; i < WriteClients; i++) begin : gen_check_write
    handshake_checker #(.Width(AddrBits + 33*Lanes)) u_check (
      .clk_i, .rst_ni,
      .valid_i (wr_valid_i[i]),
      .ready_i (wr_ready_o[i]),
      .data_i  ({wr_addr_i[AddrBits*i +: AddrBits], wr_mask_i[Lanes*i +: Lanes],
                 wr_data_i[32*Lanes*i +: 32*Lanes]})
    );
  end
`endif
endmodule
