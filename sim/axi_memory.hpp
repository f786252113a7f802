// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "memory_backend.hpp"
#include "memory_storage.hpp"
#include "ring.hpp"

namespace tern::sim {

/// Behaviour of a simulated memory. The latencies are those of the memory without a model of DRAM.
struct MemoryTiming {
  uint32_t read_latency = 40;  ///< Cycles from a read request to its first beat, at least 1.
  uint32_t write_latency =
      8;  ///< Cycles from the last beat of a write to its response, at least 1.
  uint32_t max_outstanding = 32;  ///< Requests accepted and not finished, per direction, 1 to 64.
  double stall = 0.0;             ///< Probability that a channel does nothing in a cycle; below 1.
  uint64_t seed = 1;              ///< Seed of the stalls.
};

/// Faults for tests of how the chip fails. Beats and cycles count from the chip's start.
struct MemoryFault {
  enum class Kind {
    kNone,
    kReadError,     ///< The read beat `at` is answered with SLVERR.
    kWriteError,    ///< The write beat `at` fails: its burst is answered with SLVERR.
    kFlipRead,      ///< Bit `bit` of the read beat `at` is flipped on the way; its parity is not.
    kFlipWrite,     ///< The same for a write beat.
    kStuckAddress,  ///< No read or write request is taken from cycle `at` on, for `cycles`.
    kStuckData,     ///< No read or write beat moves.
    kStuckResponse  ///< No write response is given.
  };
  Kind kind = Kind::kNone;
  uint64_t at = 0;
  uint32_t bit = 0;
  uint64_t cycles = 0;
};

/// Odd parity of each of eight bytes: bit i makes the ones of byte i and itself odd.
inline uint8_t odd_parity(uint64_t bytes) {
  bytes ^= bytes >> 4;
  bytes ^= bytes >> 2;
  bytes ^= bytes >> 1;
  return static_cast<uint8_t>(~((bytes & 0x0101010101010101u) * 0x0102040810204080u >> 56));
}

/// An AXI4 subordinate on a MemoryStorage: INCR bursts of full beats on one ID, answered in order
/// and not before the MemoryBackend has them. Data carries a parity bit a byte (AMBA AXI5, RDATACHK
/// and WDATACHK); a write whose parity is wrong under its strobes is not done and answered with
/// SLVERR. Requests outside of the storage get DECERR, those that touch an injected address SLVERR.
/// Each channel stalls by itself.
///
/// Per clock cycle: drive() sets the memory's signals, the chip settles, collect() sees which
/// handshakes the next clock edge will perform. Header-only, because it runs in every simulated
/// cycle and must be inlined into the loop.
template <typename Chip, uint32_t kBeatBytes>
class AxiMemory {
 public:
  /// Without a backend, a memory of the fixed latencies of `timing`.
  AxiMemory(MemoryStorage& storage, const MemoryTiming& timing, MemoryBackend* backend = nullptr)
      : storage_(storage), backend_(backend != nullptr ? *backend : fixed_) {
    configure(timing);
  }

  /// Changes the timing; what is in flight keeps its old latency.
  void configure(const MemoryTiming& timing) {
    timing_ = timing;
    fixed_.configure(timing.read_latency, timing.write_latency);
    random_ = timing.seed * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du;
    stall_below_ = static_cast<uint64_t>(timing.stall * 0x1p32);
  }

  /// Beats that contain one of these addresses are answered with SLVERR.
  void inject_errors(std::vector<uint64_t> addresses) { bad_addresses_ = std::move(addresses); }

  /// Replaces the fault under way.
  void inject(const MemoryFault& fault) { fault_ = fault; }
  uint64_t read_beats() const { return read_beats_; }
  uint64_t write_beats() const { return write_beats_; }

  void drive(Chip& chip) {
    backend_.begin_cycle(now_);
    const bool no_address = stuck(MemoryFault::Kind::kStuckAddress);
    const bool no_data = stuck(MemoryFault::Kind::kStuckData);
    chip.m_axi_arready_i = !no_address && reads_.size < timing_.max_outstanding && !stalls();
    chip.m_axi_awready_i =
        !no_address && writes_.size + responses_.size < timing_.max_outstanding && !stalls();
    chip.m_axi_wready_i = !no_data && beats_.size < kWriteBeats && !stalls();
    if (!read_offered_) {
      chip.m_axi_rvalid_i = 0;
      if (!no_data) offer_read(chip);
    }
    if (!response_offered_) {
      response_offered_ = !stuck(MemoryFault::Kind::kStuckResponse) && responses_.size != 0 &&
                          backend_.write_ready(now_) && !stalls();
      chip.m_axi_bvalid_i = response_offered_;
      if (response_offered_) {
        backend_.finish_write();
        chip.m_axi_bresp_i = responses_.front();
      }
    }
  }

  void collect(const Chip& chip) {
    ++now_;
    if (read_offered_ && chip.m_axi_rready_o) finish_read_beat();
    if (chip.m_axi_arvalid_o && chip.m_axi_arready_i) {
      reads_.push({chip.m_axi_araddr_o, chip.m_axi_arlen_o + 1u});
      backend_.read(now_, chip.m_axi_araddr_o, chip.m_axi_arlen_o + 1u);
    }
    if (response_offered_ && chip.m_axi_bready_o) {
      responses_.pop();
      response_offered_ = false;
    }
    if (chip.m_axi_awvalid_o && chip.m_axi_awready_i) {
      writes_.push({chip.m_axi_awaddr_o, chip.m_axi_awlen_o + 1u});
    }
    if (chip.m_axi_wvalid_o && chip.m_axi_wready_i) {
      WriteBeat& beat = beats_.push({});
      std::memcpy(beat.data, &chip.m_axi_wdata_o, kBeatBytes);
      std::memcpy(&beat.strobes, &chip.m_axi_wstrb_o, sizeof(chip.m_axi_wstrb_o));
      std::memcpy(&beat.parity, &chip.m_axi_wdatachk_o, sizeof(chip.m_axi_wdatachk_o));
      if (strikes(MemoryFault::Kind::kFlipWrite, write_beats_)) flip(beat.data);
      beat.failed = strikes(MemoryFault::Kind::kWriteError, write_beats_) ||
                    ((parity_of(beat.data) ^ beat.parity) & beat.strobes) != 0;
      ++write_beats_;
      beat.last = chip.m_axi_wlast_o;
    }
    while (writes_.size != 0 && beats_.size != 0) commit_write_beat();
  }

  uint64_t cycles() const { return now_; }

 private:
  static constexpr uint32_t kQueue = 64;
  static constexpr uint32_t kWriteBeats = 32;
  static constexpr uint8_t kOkay = 0;
  static constexpr uint8_t kSlaveError = 2;
  static constexpr uint8_t kDecodeError = 3;

  struct Burst {
    uint64_t address;
    uint32_t beats;  ///< Still to be transferred.
    uint8_t response = kOkay;
  };
  struct WriteBeat {
    std::byte data[kBeatBytes];
    uint64_t strobes;
    uint64_t parity;
    bool last;
    bool failed;
  };

  bool stalls() {
    if (stall_below_ == 0) return false;
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    return (random_ >> 32) < stall_below_;
  }

  bool stuck(MemoryFault::Kind kind) const {
    return fault_.kind == kind && now_ - fault_.at < fault_.cycles;
  }
  bool strikes(MemoryFault::Kind kind, uint64_t beat) const {
    return fault_.kind == kind && fault_.at == beat;
  }
  template <typename Beat>
  void flip(Beat* beat) const {
    auto* bytes = reinterpret_cast<unsigned char*>(beat);
    bytes[fault_.bit / 8 % kBeatBytes] ^= static_cast<unsigned char>(1u << fault_.bit % 8);
  }
  static uint64_t parity_of(const void* beat) {
    uint64_t parity = 0;
    for (uint32_t i = 0; i < kBeatBytes; i += 8) {
      uint64_t bytes;
      std::memcpy(&bytes, static_cast<const std::byte*>(beat) + i, 8);
      parity |= uint64_t{odd_parity(bytes)} << i;
    }
    return parity;
  }

  uint8_t response_for(uint64_t address) const {
    if (!storage_.contains(address, kBeatBytes)) return kDecodeError;
    for (uint64_t bad : bad_addresses_) {
      if (bad - address < kBeatBytes) return kSlaveError;
    }
    return kOkay;
  }

  void offer_read(Chip& chip) {
    read_offered_ = reads_.size != 0 && backend_.read_ready(now_) && !stalls();
    chip.m_axi_rvalid_i = read_offered_;
    if (!read_offered_) return;
    const Burst& burst = reads_.front();
    uint8_t response = response_for(burst.address);
    if (strikes(MemoryFault::Kind::kReadError, read_beats_)) response = kSlaveError;
    chip.m_axi_rresp_i = response;
    chip.m_axi_rlast_i = burst.beats == 1;
    if (response == kDecodeError) {
      std::memset(&chip.m_axi_rdata_i, 0, kBeatBytes);
    } else {
      std::memcpy(&chip.m_axi_rdata_i, storage_.data() + burst.address, kBeatBytes);
    }
    const uint64_t parity = parity_of(&chip.m_axi_rdata_i);
    std::memcpy(&chip.m_axi_rdatachk_i, &parity, sizeof(chip.m_axi_rdatachk_i));
    if (strikes(MemoryFault::Kind::kFlipRead, read_beats_)) flip(&chip.m_axi_rdata_i);
    ++read_beats_;
  }

  void finish_read_beat() {
    backend_.finish_read();
    Burst& burst = reads_.front();
    burst.address += kBeatBytes;
    if (--burst.beats == 0) reads_.pop();
    read_offered_ = false;
  }

  void commit_write_beat() {
    Burst& burst = writes_.front();
    const WriteBeat& beat = beats_.front();
    const uint8_t response = beat.failed ? kSlaveError : response_for(burst.address);
    if (response == kOkay) {
      std::byte* target = storage_.data() + burst.address;
      constexpr uint64_t kAll = ~uint64_t{0} >> (64 - kBeatBytes);
      if (beat.strobes == kAll) {
        std::memcpy(target, beat.data, kBeatBytes);
      } else {
        for (uint32_t i = 0; i < kBeatBytes; ++i) {
          if (beat.strobes >> i & 1) target[i] = beat.data[i];
        }
      }
    } else if (response > burst.response) {
      burst.response = response;
    }
    // A burst whose last-beat flag disagrees with its length is a protocol error of the chip.
    const bool ends = --burst.beats == 0;
    if (ends != beat.last) burst.response = kSlaveError;
    backend_.write(now_, burst.address, ends);
    burst.address += kBeatBytes;
    if (ends) {
      responses_.push(burst.response);
      writes_.pop();
    }
    beats_.pop();
  }

  MemoryStorage& storage_;
  FixedLatency fixed_;
  MemoryBackend& backend_;
  MemoryTiming timing_;
  std::vector<uint64_t> bad_addresses_;
  uint64_t random_ = 0;
  uint64_t stall_below_ = 0;
  uint64_t now_ = 0;
  MemoryFault fault_;
  uint64_t read_beats_ = 0;   ///< Offered.
  uint64_t write_beats_ = 0;  ///< Taken.
  Ring<Burst, kQueue> reads_;
  Ring<Burst, kQueue> writes_;
  Ring<uint8_t, 2 * kQueue> responses_;
  Ring<WriteBeat, kWriteBeats> beats_;
  bool read_offered_ = false;
  bool response_offered_ = false;
};

}  // namespace tern::sim
