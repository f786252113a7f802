// SPDX-License-Identifier: Apache-2.0
/// Activations of ActColumns columns, ActDepth tiles of Columns int8 each; read as bit planes.
///
/// A write stores Lanes bytes of a tile of one activation column: byte i of `write_data_i` is the
/// int8 of matrix column write_offset * Lanes + i, and stored where mask bit i is set. A read gives,
/// one cycle later and until the next read, a tile of all activation columns m < `read_columns_i`:
/// bit (8*m + b) * Columns + c of `planes_o` is bit b of the int8 of matrix column c. The other
/// columns hold what they had. A read in the cycle of a write to the same tile gives the old bytes.
///
/// One memory for Lanes bytes of a tile of an activation column, with one read port and one write
/// port of which each byte has its enable; turning bytes into planes is wiring. That wiring costs a
/// simulation more than everything else here, so that FastBody keeps planes, in wider memories.
module activation_buffer #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig,
  parameter bit FastBody = 1'b0,
  localparam int unsigned Columns    = Cfg.columns,
  localparam int unsigned ActColumns = Cfg.act_columns,
  localparam int unsigned ActDepth   = Cfg.act_depth,
  localparam int unsigned Lanes      = Cfg.lanes,
  localparam int unsigned TileBits   = $clog2(ActDepth),
  localparam int unsigned Groups     = Columns / Lanes,
  localparam int unsigned OffsetBits = Groups > 1 ? $clog2(Groups) : 1
) (
  input  logic                              clk_i,

  input  logic                              write_i,
  input  logic [engine_pkg::ColumnBits-1:0] write_column_i,
  input  logic [TileBits-1:0]               write_tile_i,
  input  logic [OffsetBits-1:0]             write_offset_i,
  input  logic [Lanes-1:0]                  write_mask_i,
  input  logic [8*Lanes-1:0]                write_data_i,

  input  logic                              read_i,
  input  logic [TileBits-1:0]               read_tile_i,
  input  logic [engine_pkg::ColumnBits-1:0] read_columns_i,
  output logic [ActColumns*8*Columns-1:0]   planes_o
);
  localparam int unsigned ColumnBits = engine_pkg::ColumnBits;

  typedef logic [8*Columns-1:0] tile_t;

  for (genvar m = 0; m < ActColumns; m++) begin : gen_column
    tile_t planes;
    logic  write, read;

    assign write = write_i && write_column_i == ColumnBits'(m);
    assign read  = read_i && ColumnBits'(m) < read_columns_i;

    if (FastBody) begin : gen_planes
      tile_t mem_q [ActDepth];

      always_ff @(posedge clk_i) begin : access
        tile_t stored;
        int unsigned first;
        if (write) begin
          stored = mem_q[write_tile_i];
          first  = Lanes * 32'(write_offset_i);
          for (int unsigned b = 0; b < 8; b++) begin
            for (int unsigned i = 0; i < Lanes; i++) begin
              if (write_mask_i[i]) stored[b*Columns + first + i] = write_data_i[8*i + b];
            end
          end
          mem_q[write_tile_i] <= stored;
        end
        if (read) planes <= mem_q[read_tile_i];
      end
    end else begin : gen_bytes
      for (genvar g = 0; g < Groups; g++) begin : gen_group
        logic [8*Lanes-1:0] mem_q [ActDepth];
        logic [8*Lanes-1:0] bytes_q;

        always_ff @(posedge clk_i) begin
          if (write && write_offset_i == OffsetBits'(g)) begin
            for (int unsigned i = 0; i < Lanes; i++) begin
              if (write_mask_i[i]) mem_q[write_tile_i][8*i +: 8] <= write_data_i[8*i +: 8];
            end
          end
          if (read) bytes_q <= mem_q[read_tile_i];
        end
        for (genvar b = 0; b < 8; b++) begin : gen_plane
          for (genvar i = 0; i < Lanes; i++) begin : gen_bit
            assign planes[b*Columns + g*Lanes + i] = bytes_q[8*i + b];
          end
        end
      end
    end
    assign planes_o[8*Columns*m +: 8*Columns] = planes;
  end

`ifndef SYNTHESIS
  initial begin
    if (Lanes > Columns || Columns % Lanes != 0) begin
      $fatal(1, "activation_buffer: %0d lanes, %0d columns", Lanes, Columns);
    end
  end

  always_ff @(posedge clk_i) begin
    if (write_i) begin
      AssertWriteInRange: assert (32'(write_tile_i) < ActDepth &&
                                  32'(write_column_i) < ActColumns &&
                                  32'(write_offset_i) < Groups);
    end
    if (read_i) begin
      AssertReadInRange: assert (32'(read_tile_i) < ActDepth && 32'(read_columns_i) <= ActColumns);
    end
  end
`endif
endmodule
