// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace tern::sim {

/// Timing of an SDR SDRAM in nanoseconds, as data sheets give it.
struct SdramTiming {
  double clock = 10;  ///< Clock period.
  double rcd = 20;    ///< ACTIVE to READ or WRITE.
  double rp = 20;     ///< PRECHARGE to ACTIVE or REFRESH.
  double ras = 44;    ///< ACTIVE to PRECHARGE.
  double ras_max = 120000;
  double rc = 66;        ///< ACTIVE to ACTIVE of the same bank or REFRESH.
  double rfc = 66;       ///< REFRESH to ACTIVE or REFRESH.
  double rrd = 15;       ///< ACTIVE to ACTIVE of another bank.
  double wr = 15;        ///< Last word written to PRECHARGE.
  double refi = 7812.5;  ///< Average time between refreshes: 64 ms / 8192.
  double power_up = 100000;
  uint32_t mrd = 2;          ///< LOAD MODE REGISTER to any command, in clocks.
  uint32_t cas_latency = 2;  ///< The lowest that the chip can do at this clock.
};

/// MT48LC16M16A2-75 (Micron, 256Mb x4x8x16 SDRAM data sheet, tables of AC characteristics).
inline constexpr SdramTiming kMicron75At100{};
inline constexpr SdramTiming kMicron75At133{.clock = 7.5, .cas_latency = 3};

/// What a controller can do wrong.
enum class SdramRule {
  kInit,  ///< Power-up wait, order of the first commands.
  kMode,  ///< A mode that is reserved or that the clock does not allow.
  kBank,  ///< A command that the bank's state does not allow.
  kRcd,
  kRp,
  kRas,
  kRasMax,
  kRc,
  kRfc,
  kRrd,
  kWr,
  kMrd,
  kRefresh,     ///< Fewer refreshes than time demands.
  kContention,  ///< Two drivers on the data bus, or no cycle between them.
  kUndriven,    ///< No data with a write.
  kRules
};
const char* name_of(SdramRule rule);

/// The chip's inputs at a rising clock edge.
struct SdramPins {
  bool cke, cs_n, ras_n, cas_n, we_n;
  uint32_t ba, a, dqm;
  bool dq_driven;  ///< By the controller.
  uint16_t dq;
};

/// Behaviour of an SDR SDRAM of 4 banks, 8192 rows and 512 columns of 16 bits (32 MB) at its pins,
/// edge by edge, with a check of every command against the data sheet's times. It shares nothing
/// with the controller: times are nanoseconds here and counted from the edges at which commands
/// arrive. Power-down, self refresh and auto precharge are not modelled and are reported as kMode.
class SdramChip {
 public:
  explicit SdramChip(const SdramTiming& timing);

  /// A rising clock edge.
  void edge(const SdramPins& pins);
  /// What a register that samples the data bus at the next edge gets: the chip's word, or a pattern
  /// that no test data contain on purpose while the chip does not drive.
  uint16_t dq() const;
  /// Whether the chip drives the bus up to the next edge.
  bool drives() const { return slot(edges_).valid; }

  /// The controller was reset: the chip expects its initialisation again, and keeps its contents,
  /// as cells do for the time that takes. Counts go on.
  void restart();

  static constexpr uint64_t kBytes = uint64_t{32} << 20;
  /// The word at a byte address of the map {row, bank, column}.
  uint16_t& word(uint64_t byte_address) { return cells_[byte_address / 2]; }

  uint64_t violations() const { return total_; }
  uint64_t violations(SdramRule rule) const { return count_[static_cast<size_t>(rule)]; }
  /// The first violations in words.
  const std::vector<std::string>& messages() const { return messages_; }
  uint64_t refreshes() const { return refreshes_; }
  uint64_t activates() const { return activates_; }
  uint64_t edges() const { return edges_; }

 private:
  static constexpr int64_t kLongAgo = -1000000000;
  struct Bank {
    bool open = false;
    uint32_t row = 0;
    int64_t active = kLongAgo, precharge = kLongAgo, written = kLongAgo;
  };
  struct Word {
    bool valid = false;
    uint16_t value = 0;
    uint32_t bank = 0;
  };
  struct Burst {
    uint32_t left = 0, bank = 0, row = 0, column = 0, step = 0;
  };
  static constexpr size_t kSlots = 32;
  static constexpr uint32_t kAnyBank = 4;

  const Word& slot(uint64_t edge) const { return slots_[edge % kSlots]; }
  void fail(SdramRule rule, const std::string& text);
  void need(SdramRule rule, int64_t since, double time, const char* what, uint32_t bank);
  void command(const SdramPins& pins);
  void activate(const SdramPins& pins);
  void access(const SdramPins& pins, bool write);
  void precharge(const SdramPins& pins);
  void refresh();
  void load_mode(const SdramPins& pins);
  /// Drops what would be driven from an edge on.
  void stop_reading(int64_t from, uint32_t bank);
  void write_word(const SdramPins& pins);
  uint64_t index(uint32_t bank, uint32_t row, uint32_t column) const {
    return (uint64_t{row} * 4 + bank) * 512 + column;
  }

  SdramTiming timing_;
  std::vector<uint16_t> cells_;
  std::array<Bank, 4> banks_;
  std::array<Word, kSlots> slots_;  ///< What the chip drives for each edge.
  Burst write_;
  int64_t now_ = 0;  ///< Number of the edge at hand.
  uint64_t edges_ = 0;
  int64_t last_active_ = kLongAgo, last_refresh_ = kLongAgo, last_mode_ = kLongAgo;
  int64_t start_ = 0;  ///< First edge with CKE high.
  bool clock_enabled_ = false, precharged_ = false, ready_ = false;
  uint32_t burst_length_ = 0, latency_ = 0, init_refreshes_ = 0;
  uint32_t last_dqm_ = 3;
  double refresh_debt_ = 0;  ///< Refreshes that should have been done, less those that were.
  std::array<uint64_t, static_cast<size_t>(SdramRule::kRules)> count_{};
  uint64_t total_ = 0, refreshes_ = 0, activates_ = 0;
  std::vector<std::string> messages_;
};

}  // namespace tern::sim
