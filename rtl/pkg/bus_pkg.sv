// SPDX-License-Identifier: Apache-2.0
/// What the parts of the chip say to each other: structs of fixed width (those that depend on a
/// parameter are ports of their own), and the rule of waits.
package bus_pkg;

  // One word of the scratchpad, from the controller or the host's window: read and write are valid
  // signals of their own, never both high.
  typedef struct packed {
    logic        read;
    logic        write;
    logic [19:0] addr;
    logic [31:0] data;
  } scratch_request_t;

  // A write of a scalar register, or of the half that has a strobe.
  typedef struct packed {
    logic        valid;
    logic [7:0]  index;
    logic [1:0]  strobe;
    logic [63:0] data;
  } scalar_write_t;
  localparam int unsigned ScalarWriteBits = 75;

  // A read of a scalar register, and the place in the top-k list that is shown.
  typedef struct packed {
    logic        scalar;
    logic [7:0]  index;
    logic [5:0]  topk_index;
  } vector_read_t;

  // What the vector unit answers: `ready` takes the read, `done` comes with its data.
  typedef struct packed {
    logic        ready;
    logic        done;
    logic [63:0] data;
    logic [6:0]  topk_count;
    logic [31:0] topk_value;
    logic [31:0] topk_number;
  } vector_answer_t;

  // What a cluster does in this cycle. `illegal` is a number of codes; `in_flight` tells that a
  // burst is not over, `busy` that one is not or that there are commands inside.
  typedef struct packed {
    logic        beat;
    logic        load_beat;
    logic        store_beat;
    logic        stall_read;
    logic        stall_drain;
    logic        stall_wait;
    logic        load_done;
    logic        matmul_done;
    logic        store_done;
    logic        bus_read_error;
    logic        bus_write_error;
    logic        parity_error;
    logic        shape_error;
    logic [6:0]  illegal;
    logic        busy;
    logic        in_flight;
  } cluster_events_t;
  localparam int unsigned ClusterEventsBits = 22;

  // A cluster's counters, in the order of their registers from `work` up.
  typedef struct packed {
    logic [31:0] bus_errors;
    logic [31:0] illegal;
    logic [31:0] store_beats;
    logic [31:0] stall_idle;
    logic [31:0] stall_wait;
    logic [31:0] stall_drain;
    logic [31:0] stall_read;
    logic [31:0] load_beats;
    logic [31:0] beats;
    logic [31:0] work;
  } cluster_counters_t;
  localparam int unsigned ClusterCountersBits = 320;

  // Whether a unit has completed as many commands, modulo 256, as a command waits for.
  function automatic logic reached(input logic [7:0] done, input logic [7:0] count);
    reached = 8'(done - count) < 8'd128;
  endfunction

  // The same of all units: a byte each, in the order of the enum Unit.
  function automatic logic met(input logic [31:0] done, input logic [31:0] counts);
    met = bus_pkg::reached(done[7:0], counts[7:0]) &&
          bus_pkg::reached(done[15:8], counts[15:8]) &&
          bus_pkg::reached(done[23:16], counts[23:16]) &&
          bus_pkg::reached(done[31:24], counts[31:24]);
  endfunction

endpackage
