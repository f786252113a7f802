/// AXI4 write master: stores result entries, one after the other.
///
/// An entry is DataBits bits for the beat-aligned byte address `result_addr_i`; it is padded with
/// zeros to whole beats of Columns bytes and written with all strobes set, as one INCR burst, or
/// two where it crosses a 4 KiB boundary. The next entry is taken in the cycle in which the last
/// beat of the one before it leaves, so that a memory that never stalls sees a beat every cycle.
/// `result_last_i` marks the last entry of a command: `done_o` pulses when all writes up to and
/// including that entry have been answered. A response other than OKAY pulses `error_o`. `beat_o`
/// is high in each cycle that moves a beat. While `stop_i` is high no new entry is taken; `idle_o`
/// tells that nothing is held or unanswered, so that the module may be reset.
module result_writer #(
  parameter int unsigned Columns   = 64,
  parameter int unsigned AddrBits  = 40,
  parameter int unsigned DataBits  = 1280,
  parameter int unsigned MaxBursts = 16
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,

  input  logic                 stop_i,
  output logic                 idle_o,
  output logic                 error_o,
  output logic                 done_o,
  output logic                 beat_o,

  input  logic                 result_valid_i,
  output logic                 result_ready_o,
  input  logic [AddrBits-1:0]  result_addr_i,
  input  logic [DataBits-1:0]  result_data_i,
  input  logic                 result_last_i,

  output logic                 aw_valid_o,
  input  logic                 aw_ready_i,
  output logic [AddrBits-1:0]  aw_addr_o,
  output logic [7:0]           aw_len_o,
  output logic                 w_valid_o,
  input  logic                 w_ready_i,
  output logic [8*Columns-1:0] w_data_o,
  output logic [Columns-1:0]   w_strb_o,
  output logic                 w_last_o,
  input  logic                 b_valid_i,
  output logic                 b_ready_o,
  input  logic [1:0]           b_resp_i
);
  localparam int unsigned BeatBits   = 8 * Columns;
  localparam int unsigned Beats      = (DataBits + BeatBits - 1) / BeatBits;
  localparam int unsigned EntryBits  = Beats * BeatBits;
  localparam int unsigned ByteBits   = $clog2(Columns);
  localparam int unsigned PageBits   = 12 - ByteBits;
  localparam int unsigned CountBits  = $clog2(Beats + 1);
  localparam int unsigned BeatAddrBits = AddrBits - ByteBits;

  typedef logic [CountBits-1:0]    count_t;
  typedef logic [BeatAddrBits-1:0] beat_addr_t;

  // The entry that is being written. Its first burst has first_q beats, its second one rest_q.
  logic [EntryBits-1:0] data_q;
  beat_addr_t           addr_q;
  logic                 last_q;
  count_t               first_q, rest_q;

  // Address channel: bursts that are still to be announced.
  logic                 aw_first_q, aw_second_q;
  logic                 aw_accept, aw_ends_entry;
  // Data channel: beats of the current burst and of the one after it.
  count_t               w_left_q, w_rest_q;
  logic                 w_first_q;
  logic                 w_accept, w_ends_burst;

  logic                 take, entry_ends, aw_all, w_all;
  logic                 flag_wr_ready, flag_rd_valid, flag_ends_command;
  logic [$clog2(MaxBursts+1)-1:0] unanswered;
  logic                 b_accept;

  logic [PageBits:0]    to_boundary;
  logic                 crosses;
  count_t               first;

  assign to_boundary = (PageBits + 1)'(1 << PageBits) -
                       {1'b0, result_addr_i[11:ByteBits]};
  assign crosses     = to_boundary < (PageBits + 1)'(Beats);
  assign first       = crosses ? to_boundary[CountBits-1:0] : CountBits'(Beats);

  assign aw_ends_entry = !aw_first_q || rest_q == '0;
  assign aw_valid_o    = (aw_first_q || aw_second_q) && flag_wr_ready;
  assign aw_accept     = aw_valid_o && aw_ready_i;
  assign aw_addr_o = aw_first_q ? {addr_q, ByteBits'(0)} :
                     {addr_q[BeatAddrBits-1:PageBits] + 1'b1, 12'd0};
  assign aw_len_o  = (aw_first_q ? 8'(first_q) : 8'(rest_q)) - 8'd1;

  // Data never goes ahead of the announcement of its burst.
  assign w_valid_o    = w_left_q != '0 &&
                        (w_first_q ? !aw_first_q || flag_wr_ready :
                                     !aw_first_q && (!aw_second_q || flag_wr_ready));
  assign w_accept     = w_valid_o && w_ready_i;
  assign w_ends_burst = w_left_q == CountBits'(1);
  assign w_data_o     = data_q[BeatBits-1:0];
  assign w_strb_o     = '1;
  assign w_last_o     = w_ends_burst;
  assign beat_o       = w_accept;

  assign aw_all         = (!aw_first_q && !aw_second_q) || (aw_accept && aw_ends_entry);
  assign w_all          = w_left_q == '0 || (w_accept && w_ends_burst && w_rest_q == '0);
  assign entry_ends     = aw_all && w_all;
  assign result_ready_o = entry_ends && !stop_i;
  assign take           = result_valid_i && result_ready_o;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      addr_q      <= '0;
      last_q      <= 1'b0;
      first_q     <= '0;
      rest_q      <= '0;
      aw_first_q  <= 1'b0;
      aw_second_q <= 1'b0;
      w_left_q    <= '0;
      w_rest_q    <= '0;
      w_first_q   <= 1'b0;
    end else if (take) begin
      addr_q      <= result_addr_i[AddrBits-1:ByteBits];
      last_q      <= result_last_i;
      first_q     <= first;
      rest_q      <= CountBits'(Beats) - first;
      aw_first_q  <= 1'b1;
      aw_second_q <= crosses;
      w_left_q    <= first;
      w_rest_q    <= CountBits'(Beats) - first;
      w_first_q   <= 1'b1;
    end else begin
      if (aw_accept) begin
        aw_first_q <= 1'b0;
        if (!aw_first_q) aw_second_q <= 1'b0;
      end
      if (w_accept) begin
        if (w_ends_burst) begin
          w_left_q  <= w_rest_q;
          w_rest_q  <= '0;
          w_first_q <= 1'b0;
        end else begin
          w_left_q <= w_left_q - 1'b1;
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (take)          data_q <= EntryBits'(result_data_i);
    else if (w_accept) data_q <= data_q >> BeatBits;
  end

  // One entry for each burst without a response: whether it is the last of its command.
  fifo #(.Width(1), .Depth(MaxBursts)) u_bursts (
    .clk_i,
    .rst_ni,
    .wr_valid_i (aw_accept),
    .wr_ready_o (flag_wr_ready),
    .wr_data_i  (last_q && aw_ends_entry),
    .rd_valid_o (flag_rd_valid),
    .rd_ready_i (b_accept),
    .rd_data_o  (flag_ends_command),
    .usage_o    (unanswered)
  );

  assign b_ready_o = flag_rd_valid;
  assign b_accept  = b_valid_i && b_ready_o;
  assign done_o    = b_accept && flag_ends_command;
  assign error_o   = b_accept && b_resp_i != 2'b00;
  assign idle_o    = unanswered == '0 && w_left_q == '0 && !aw_first_q && !aw_second_q;

  // The low address bits are zero by contract.
  logic unused_signals;
  assign unused_signals = ^result_addr_i[ByteBits-1:0];

`ifndef SYNTHESIS
  initial begin
    if (Beats > (1 << PageBits)) $fatal(1, "result_writer: an entry is larger than 4 KiB");
  end

  handshake_checker #(.Width(AddrBits + 8)) u_check_aw (
    .clk_i,
    .rst_ni,
    .valid_i   (aw_valid_o),
    .ready_i   (aw_ready_i),
    .data_i    ({aw_addr_o, aw_len_o})
  );
  handshake_checker #(.Width(BeatBits + 1)) u_check_w (
    .clk_i,
    .rst_ni,
    .valid_i   (w_valid_o),
    .ready_i   (w_ready_i),
    .data_i    ({w_data_o, w_last_o})
  );

  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      if (aw_valid_o) begin
        assert (32'(aw_addr_o[11:0]) + (32'(aw_len_o) + 1) * Columns <= 4096)
        else $error("a burst crosses 4 KiB");
      end
      if (take) assert (result_addr_i[ByteBits-1:0] == '0) else $error("entry is not aligned");
      assert (32'(unanswered) <= MaxBursts) else $error("too many bursts in flight");
    end
  end
`endif
endmodule
