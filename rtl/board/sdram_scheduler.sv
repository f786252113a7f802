// SPDX-License-Identifier: Apache-2.0
/// Decides on one SDRAM command in each cycle: initialisation, refresh, accesses.
///
/// Accesses come as segments of one row (`seg_*`), are done in order, beat by beat, and each beat
/// is one READ or WRITE with a burst length of four words. Rows stay open until another row of the
/// bank is needed or a refresh is due. While the beats of one segment are issued, the row of the
/// next one is opened in the command slots between them, if it is in another bank. A read is issued
/// only while `read_room_i`, a write while `write_ready_i`. `read_o` and `write_o` pulse with the
/// decision; the command is on the pins in the next cycle.
///
/// A refresh is due every TRefi cycles and goes before accesses, between two beats; none is lost
/// while another waits. Times are in clock cycles.
module sdram_scheduler #(
  parameter int unsigned RowBits       = 13,
  parameter int unsigned ColBits       = 9,
  parameter int unsigned CasLatency    = 2,
  parameter int unsigned TRcd          = 2,
  parameter int unsigned TRp           = 2,
  parameter int unsigned TRas          = 5,
  parameter int unsigned TRc           = 7,
  parameter int unsigned TRfc          = 7,      // refresh to any command
  parameter int unsigned TRrd          = 2,      // activate to activate of another bank
  parameter int unsigned TWr           = 2,
  parameter int unsigned TMrd          = 2,      // mode register to any command
  parameter int unsigned TRefi         = 780,    // refresh to refresh
  parameter int unsigned PowerUp       = 20000,  // from reset to the first command
  parameter int unsigned InitRefreshes = 8,
  localparam int unsigned BeatBits     = ColBits - 2
) (
  input  logic                clk_i,
  input  logic                rst_ni,

  input  logic                seg_valid_i,
  output logic                seg_ready_o,
  input  logic                seg_write_i,
  input  logic                seg_outside_i,
  input  logic                seg_last_i,
  input  logic [1:0]          seg_bank_i,
  input  logic [RowBits-1:0]  seg_row_i,
  input  logic [BeatBits-1:0] seg_beat_i,
  input  logic [BeatBits:0]   seg_beats_i,

  input  logic                read_room_i,
  input  logic                write_ready_i,
  output logic                read_o,
  output logic                write_o,
  output logic                access_last_o,     // the last beat of a burst
  output logic                access_outside_o,
  output logic                ready_o,           // initialised

  output logic                sdram_cke_o,
  output logic                sdram_cs_no,
  output logic                sdram_ras_no,
  output logic                sdram_cas_no,
  output logic                sdram_we_no,
  output logic [1:0]          sdram_ba_o,
  output logic [RowBits-1:0]  sdram_a_o
);
  localparam int unsigned Banks      = 4;
  localparam int unsigned BurstWords = 4;
  // A write drives the bus with its command, one free cycle after the last word read.
  localparam int unsigned ReadToWrite = CasLatency + BurstWords + 1;

  // RAS, CAS, WE; active low.
  localparam logic [2:0] CmdNop       = 3'b111;
  localparam logic [2:0] CmdActivate  = 3'b011;
  localparam logic [2:0] CmdRead      = 3'b101;
  localparam logic [2:0] CmdWrite     = 3'b100;
  localparam logic [2:0] CmdPrecharge = 3'b010;
  localparam logic [2:0] CmdRefresh   = 3'b001;
  localparam logic [2:0] CmdMode      = 3'b000;
  // Sequential bursts of four words, reads and writes alike.
  localparam logic [RowBits-1:0] Mode    = RowBits'({3'(CasLatency), 4'b0010});
  localparam logic [RowBits-1:0] AllBits = RowBits'(1 << 10);   // A10: all banks

  typedef enum logic [1:0] {StPowerUp, StRefresh, StMode, StRun} state_e;
  state_e state_q;

  typedef struct packed {
    logic                write;
    logic                outside;
    logic                last;
    logic [1:0]          bank;
    logic [RowBits-1:0]  row;
    logic [BeatBits-1:0] beat;
    logic [BeatBits:0]   left;
  } segment_t;
  segment_t cur_q, next_q;
  logic     cur_valid_q, next_valid_q, cur_ends, cur_moves;

  // Banks.
  logic [Banks-1:0]         open, can_activate, can_precharge, can_access;
  logic [Banks-1:0]         activate, precharge, read, write;
  logic [Banks*RowBits-1:0] rows;
  logic [RowBits-1:0]       activate_row;

  for (genvar b = 0; b < Banks; b++) begin : gen_bank
    sdram_bank #(
      .RowBits(RowBits), .TRcd(TRcd), .TRp(TRp), .TRas(TRas), .TRc(TRc), .TWr(TWr)
    ) u_bank (
      .clk_i,
      .rst_ni,
      .activate_i      (activate[b]),
      .row_i           (activate_row),
      .precharge_i     (precharge[b]),
      .read_i          (read[b]),
      .write_i         (write[b]),
      .open_o          (open[b]),
      .row_o           (rows[RowBits*b +: RowBits]),
      .can_activate_o  (can_activate[b]),
      .can_precharge_o (can_precharge[b]),
      .can_access_o    (can_access[b])
    );
  end

  // Timers for the whole chip; 0: over.
  localparam int unsigned WaitBits = $clog2(PowerUp + 1);
  logic [WaitBits-1:0]        wait_q;         // power-up, refresh, mode register
  logic [2:0]                 access_wait_q;  // from access to access
  logic [3:0]                 write_wait_q;   // from read to write
  logic [3:0]                 rrd_wait_q;
  logic [$clog2(TRefi+1)-1:0] refi_q;
  logic [3:0]                 due_q;          // refreshes
  logic [3:0]                 init_left_q;
  logic                       initialised_q;

  // What could be done.
  logic free, may_run, cur_hit, next_hit, do_access, do_activate, do_precharge;
  logic cur_activate, cur_precharge, next_ahead, next_activate, next_precharge;
  logic refresh_all, do_refresh, do_mode, precharge_all;
  logic [1:0] bank;

  assign free    = wait_q == '0;
  assign may_run = state_q == StRun && free && due_q == '0;
  assign cur_hit = cur_q.row == rows[RowBits*cur_q.bank +: RowBits];
  assign next_hit = next_q.row == rows[RowBits*next_q.bank +: RowBits];

  assign do_access = may_run && cur_valid_q && can_access[cur_q.bank] && cur_hit &&
                     access_wait_q == '0 &&
                     (cur_q.write ? write_ready_i && write_wait_q == '0 : read_room_i);
  assign cur_activate  = may_run && cur_valid_q && can_activate[cur_q.bank] && rrd_wait_q == '0;
  assign cur_precharge = may_run && cur_valid_q && open[cur_q.bank] && !cur_hit &&
                         can_precharge[cur_q.bank];
  assign next_ahead     = may_run && cur_valid_q && next_valid_q && next_q.bank != cur_q.bank;
  assign next_activate  = next_ahead && can_activate[next_q.bank] && rrd_wait_q == '0;
  assign next_precharge = next_ahead && open[next_q.bank] && !next_hit &&
                          can_precharge[next_q.bank];

  assign do_activate  = !do_access && (cur_activate || (next_activate && !cur_precharge));
  assign do_precharge = !do_access && !do_activate && (cur_precharge || next_precharge);
  assign bank = do_access || cur_activate || cur_precharge ? cur_q.bank : next_q.bank;

  assign refresh_all   = state_q == StRun && free && due_q != '0 && &can_precharge;
  assign precharge_all = refresh_all || (state_q == StPowerUp && free);
  assign do_refresh    = state_q == StRefresh && free && &can_activate;
  assign do_mode       = state_q == StMode && free;

  assign read_o           = do_access && !cur_q.write;
  assign write_o          = do_access && cur_q.write;
  assign cur_ends         = cur_q.left == (BeatBits+1)'(1);
  assign access_last_o    = cur_q.last && cur_ends;
  assign access_outside_o = cur_q.outside;
  assign activate_row     = cur_activate ? cur_q.row : next_q.row;
  assign ready_o          = initialised_q;

  for (genvar b = 0; b < Banks; b++) begin : gen_command
    assign activate[b]  = do_activate && bank == 2'(b);
    assign precharge[b] = precharge_all || (do_precharge && bank == 2'(b));
    assign read[b]      = read_o && bank == 2'(b);
    assign write[b]     = write_o && bank == 2'(b);
  end

  // Segments: the one that is accessed and the one after it.
  assign cur_moves   = !cur_valid_q || (do_access && cur_ends);
  assign seg_ready_o = !next_valid_q || cur_moves;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      cur_valid_q  <= 1'b0;
      next_valid_q <= 1'b0;
    end else begin
      if (cur_moves)   cur_valid_q  <= next_valid_q;
      if (seg_ready_o) next_valid_q <= seg_valid_i;
    end
  end
  always_ff @(posedge clk_i) begin
    if (cur_moves) begin
      cur_q <= next_q;
    end else if (do_access) begin
      cur_q.beat <= cur_q.beat + 1'b1;
      cur_q.left <= cur_q.left - 1'b1;
    end
    if (seg_ready_o) begin
      next_q <= {seg_write_i, seg_outside_i, seg_last_i, seg_bank_i, seg_row_i, seg_beat_i,
                 seg_beats_i};
    end
  end

  // Initialisation and refresh.
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q       <= StPowerUp;
      wait_q        <= WaitBits'(PowerUp);
      init_left_q   <= 4'(InitRefreshes);
      initialised_q <= 1'b0;
    end else begin
      if (!free) wait_q <= wait_q - 1'b1;
      case (state_q)
        StPowerUp: if (free) state_q <= StRefresh;
        StRefresh: if (do_refresh) begin
          wait_q <= WaitBits'(TRfc - 1);
          if (initialised_q)            state_q <= StRun;
          else if (init_left_q == 4'd1) state_q <= StMode;
          init_left_q <= init_left_q - 4'd1;
        end
        StMode: if (free) begin
          wait_q        <= WaitBits'(TMrd - 1);
          initialised_q <= 1'b1;
          state_q       <= StRun;
        end
        default: if (refresh_all) state_q <= StRefresh;
      endcase
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      refi_q <= '0;
      due_q  <= '0;
    end else if (!initialised_q) begin
      refi_q <= ($clog2(TRefi + 1))'(TRefi - 1);
    end else begin
      refi_q <= refi_q == '0 ? ($clog2(TRefi + 1))'(TRefi - 1) : refi_q - 1'b1;
      due_q  <= due_q + 4'(refi_q == '0) - 4'(do_refresh);
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      access_wait_q <= '0;
      write_wait_q  <= '0;
      rrd_wait_q    <= '0;
    end else begin
      if (do_access)                 access_wait_q <= 3'(BurstWords - 1);
      else if (access_wait_q != '0)  access_wait_q <= access_wait_q - 1'b1;
      if (read_o)                    write_wait_q <= 4'(ReadToWrite - 1);
      else if (write_wait_q != '0)   write_wait_q <= write_wait_q - 1'b1;
      if (do_activate)               rrd_wait_q <= 4'(TRrd - 1);
      else if (rrd_wait_q != '0)     rrd_wait_q <= rrd_wait_q - 1'b1;
    end
  end

  // Pins.
  logic [2:0]         command_d, command_q;
  logic [RowBits-1:0] address_d;
  always_comb begin
    command_d = CmdNop;
    address_d = '0;
    if (do_access) begin
      command_d = cur_q.write ? CmdWrite : CmdRead;
      address_d = RowBits'({cur_q.beat, 2'b00});
    end else if (do_activate) begin
      command_d = CmdActivate;
      address_d = activate_row;
    end else if (do_precharge) begin
      command_d = CmdPrecharge;
    end else if (precharge_all) begin
      command_d = CmdPrecharge;
      address_d = AllBits;
    end else if (do_refresh) begin
      command_d = CmdRefresh;
    end else if (do_mode) begin
      command_d = CmdMode;
      address_d = Mode;
    end
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      command_q   <= CmdNop;
      sdram_cke_o <= 1'b0;
    end else begin
      command_q   <= command_d;
      sdram_cke_o <= 1'b1;
    end
  end
  always_ff @(posedge clk_i) begin
    sdram_a_o  <= address_d;
    sdram_ba_o <= do_mode ? '0 : bank;
  end
  assign {sdram_ras_no, sdram_cas_no, sdram_we_no} = command_q;
  assign sdram_cs_no = 1'b0;

`ifndef SYNTHESIS
  initial begin
    if (CasLatency < 2 || CasLatency > 3 || ColBits < 8 || ColBits > 10 || RowBits < 11 ||
        TRfc < 1 || TMrd < 1 || TRrd < 1 || TRrd > 16 || PowerUp < TRfc || PowerUp < TMrd ||
        InitRefreshes < 2 || InitRefreshes > 15) begin
      $fatal(1, "sdram_scheduler: a parameter is out of range");
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      AssertOneCommand: assert ($onehot0({do_access, do_activate, do_precharge, precharge_all,
                                          do_refresh, do_mode}));
      AssertRefreshKeepsUp: assert (due_q < 4'd8);
    end
  end
`endif
endmodule
