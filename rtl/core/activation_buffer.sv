/// Activations of ActColumns columns, ActDepth tiles of Columns int8 each, kept as bit planes.
///
/// A write stores one tile of one activation column: byte c of `data_i` is the int8 of matrix
/// column c. A read (never in the same cycle) gives, one cycle later and until the next read, the
/// tile of all activation columns m < `columns_i`: bit (8*m + b) * Columns + c of `planes_o` is bit
/// b of byte c. The other columns hold what they had. One single-port memory for each activation
/// column; turning bytes into planes is wiring.
module activation_buffer #(
  parameter int unsigned Columns     = 64,
  parameter int unsigned ActColumns  = 8,
  parameter int unsigned ActDepth    = 256,
  localparam int unsigned TileBits   = $clog2(ActDepth)
) (
  input  logic                              clk_i,

  input  logic                              write_i,
  input  logic                              read_i,
  input  logic [TileBits-1:0]               tile_i,
  input  logic [engine_pkg::ColumnBits-1:0] column_i,   // write
  input  logic [engine_pkg::ColumnBits-1:0] columns_i,  // read
  input  logic [8*Columns-1:0]              data_i,

  output logic [ActColumns*8*Columns-1:0]   planes_o
);
  localparam int unsigned ColumnBits = engine_pkg::ColumnBits;

  typedef logic [8*Columns-1:0] tile_t;

  function automatic tile_t to_planes(input tile_t bytes);
    for (int unsigned b = 0; b < 8; b++) begin
      for (int unsigned c = 0; c < Columns; c++) to_planes[b*Columns + c] = bytes[8*c + b];
    end
  endfunction

  for (genvar m = 0; m < ActColumns; m++) begin : gen_column
    tile_t mem_q [ActDepth];
    tile_t planes_q;

    always_ff @(posedge clk_i) begin
      if (write_i && column_i == ColumnBits'(m)) begin
        mem_q[tile_i] <= to_planes(data_i);
      end else if (read_i && ColumnBits'(m) < columns_i) begin
        planes_q <= mem_q[tile_i];
      end
    end
    assign planes_o[8*Columns*m +: 8*Columns] = planes_q;
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (write_i || read_i) begin
      AssertOnePort: assert (!(write_i && read_i));
      AssertTileInRange: assert (32'(tile_i) < ActDepth);
      AssertWriteColumnInRange: assert (!write_i || 32'(column_i) < ActColumns);
      AssertReadColumnsInRange: assert (!read_i || 32'(columns_i) <= ActColumns);
    end
  end
`endif
endmodule
