// SPDX-License-Identifier: Apache-2.0
/// The data pins of an SDRAM: beats of eight bytes as bursts of four words.
///
/// `write_i` and `read_i` pulse in the cycle in which the scheduler decides on an access; its
/// command is on the pins in the next cycle. The beat to write must be at `wr_data_i` with that
/// pulse; bytes without a strobe are masked. A beat read comes out with a pulse of `rd_valid_o`
/// CasLatency + ReadDelay + 4 cycles after the one behind its command. ReadDelay counts the cycles
/// that clock, board and input registers add. The bus is driven only for words that are written.
module sdram_data #(
  parameter int unsigned CasLatency = 2,
  parameter int unsigned ReadDelay  = 0
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        ready_i,   // the chip is initialised; before, all bytes are masked

  input  logic        write_i,
  input  logic [63:0] wr_data_i,
  input  logic [7:0]  wr_strb_i,

  input  logic        read_i,
  input  logic        read_last_i,
  input  logic        read_outside_i,
  output logic        rd_valid_o,
  output logic [63:0] rd_data_o,
  output logic        rd_last_o,
  output logic        rd_outside_o,

  output logic [1:0]  sdram_dqm_o,
  output logic [15:0] sdram_dq_o,
  output logic        sdram_dq_oe_o,
  input  logic [15:0] sdram_dq_i
);
  // Words that wait behind the one on the pins.
  logic [47:0] words_q;
  logic [5:0]  masks_q;
  logic [1:0]  left_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      left_q        <= '0;
      sdram_dq_oe_o <= 1'b0;
      sdram_dqm_o   <= '1;
    end else begin
      sdram_dq_oe_o <= write_i || left_q != '0;
      if (write_i)            left_q <= 2'd3;
      else if (left_q != '0)  left_q <= left_q - 2'd1;
      if (write_i)            sdram_dqm_o <= ~wr_strb_i[1:0];
      else if (left_q != '0)  sdram_dqm_o <= masks_q[1:0];
      else                    sdram_dqm_o <= {2{!ready_i}};
    end
  end

  always_ff @(posedge clk_i) begin
    if (write_i) begin
      sdram_dq_o <= wr_data_i[15:0];
      words_q    <= wr_data_i[63:16];
      masks_q    <= ~wr_strb_i[7:2];
    end else begin
      sdram_dq_o <= words_q[15:0];
      words_q    <= {16'd0, words_q[47:16]};
      masks_q    <= {2'd0, masks_q[5:2]};
    end
  end

  // A read walks through the pipe and meets its last word at the end.
  localparam int unsigned Stages = CasLatency + ReadDelay + 5;
  logic [Stages-1:0] read_q, last_q, outside_q;
  logic [15:0]       dq_q;
  logic [47:0]       read_words_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) read_q <= '0;
    else         read_q <= {read_q[Stages-2:0], read_i};
  end
  always_ff @(posedge clk_i) begin
    last_q       <= {last_q[Stages-2:0], read_last_i};
    outside_q    <= {outside_q[Stages-2:0], read_outside_i};
    dq_q         <= sdram_dq_i;
    read_words_q <= {dq_q, read_words_q[47:16]};
  end

  assign rd_valid_o   = read_q[Stages-1];
  assign rd_last_o    = last_q[Stages-1];
  assign rd_outside_o = outside_q[Stages-1];
  assign rd_data_o    = {dq_q, read_words_q};
endmodule
