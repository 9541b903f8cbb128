#include "engine.h"

#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <vector>

#include "bfloat16.h"
#include "parallel.h"

namespace qaconv {
namespace {

constexpr size_t kAlignment = 64;

// Of the gallery maps that a thread holds packed, so that a query's map, read from memory, serves several pairs: they
// should stay in the second-level cache, a query's map beside them.
size_t group_bytes() {
#ifdef _SC_LEVEL2_CACHE_SIZE
    const long cache = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (cache > 0) return cache / 2;
#endif
    return 400 << 10;
}

class Memory {
  public:
    explicit Memory(size_t bytes) : start_(static_cast<char*>(::operator new(bytes, std::align_val_t(kAlignment)))) {}
    ~Memory() { ::operator delete(start_, std::align_val_t(kAlignment)); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    char* at(size_t byte) const { return start_ + byte; }

  private:
    char* start_;
};

// Whether the magnitude of every number is below 2^50, so that no product and no sum of products overflows.
bool all_usable(const float* values, size_t count) {
    constexpr uint32_t kLimit = 0x58800000;  // the bits of 2^50
    uint32_t carried = 0;
    for (size_t index = 0; index < count; ++index) {
        uint32_t bits;
        std::memcpy(&bits, values + index, sizeof bits);
        carried |= (bits & 0x7fffffff) + (0x80000000 - kLimit);
    }
    return carried < 0x80000000;
}

enum class Side { query, gallery };

// Some maps in a kernel's layout.
class PackedMaps {
  public:
    PackedMaps(const Kernel& kernel, Precision precision, MapShape shape, Side side, int64_t number)
        : shape_(shape), rounds_(precision == Precision::bf16 && kernel.precision == Precision::fp32),
          pack_(side == Side::query ? kernel.pack_query : kernel.pack_gallery),
          stride_(padded(side == Side::query ? kernel.query_bytes(shape) : kernel.gallery_bytes(shape))),
          packed_(stride_ * number), usable_(number) {}

    void pack(int64_t index, const float* map) {
        const size_t size = size_t(shape_.locations) * shape_.channels;
        usable_[index] = all_usable(map, size);
        std::vector<float> rounded(rounds_ ? size : 0);
        std::transform(map, map + rounded.size(), rounded.begin(), rounded_to_bfloat16);
        pack_(rounds_ ? rounded.data() : map, shape_, packed_.at(index * stride_));
    }

    const void* at(int64_t index) const { return packed_.at(index * stride_); }
    bool usable(int64_t index) const { return usable_[index]; }
    int64_t number() const { return usable_.size(); }

  private:
    static size_t padded(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

    MapShape shape_;
    bool rounds_;
    void (*pack_)(const float*, MapShape, void*);
    size_t stride_;
    Memory packed_;
    std::vector<char> usable_;
};

// The gallery in groups of nearly equal size, small enough for the cache, and as many for each thread, so that all end
// together; several, for threads that are interrupted.
class Groups {
  public:
    Groups(int64_t number, int64_t in_cache, int threads) : number_(number) {
        const int64_t wanted = std::max<int64_t>((number + in_cache - 1) / in_cache, 4 * threads);
        count_ = std::min(number, (wanted + threads - 1) / threads * threads);
    }
    int64_t count() const { return count_; }
    int64_t largest() const { return (number_ + count_ - 1) / count_; }
    // Of a group's images; that of one past the last group is the number of all.
    int64_t first(int64_t group) const { return group * number_ / count_; }

  private:
    int64_t number_, count_;
};

// A thread that scores groups of gallery images against all queries.
class Scorer {
  public:
    Scorer(const Kernel& kernel, Precision precision, MapShape shape, const PackedMaps& queries, Maps gallery,
           Groups groups, const Matcher& matcher, const Results& results)
        : kernel_(kernel), shape_(shape), queries_(queries), gallery_(gallery), groups_(groups), matcher_(matcher),
          results_(results), packed_(kernel, precision, shape, Side::gallery, groups.largest()),
          workspace_(kernel.workspace_bytes(shape)) {
        kernel_.begin_thread();
    }
    ~Scorer() { kernel_.end_thread(); }
    Scorer(const Scorer&) = delete;
    Scorer& operator=(const Scorer&) = delete;

    void score_group(int64_t group) {
        const int64_t first = groups_.first(group), count = groups_.first(group + 1) - first;
        const size_t map_size = size_t(shape_.locations) * shape_.channels;
        for (int64_t member = 0; member < count; ++member)
            if (anyone_wants(first + member)) packed_.pack(member, gallery_.values + (first + member) * map_size);
        for (int64_t query = 0; query < queries_.number(); ++query)
            for (int64_t member = 0; member < count; ++member)
                if (wanted(query, first + member)) score_pair(query, first + member, member);
    }

  private:
    bool wanted(int64_t query, int64_t gallery) const {
        return results_.wanted == nullptr || results_.wanted[query * gallery_.number + gallery];
    }

    bool anyone_wants(int64_t gallery) const {
        for (int64_t query = 0; query < queries_.number(); ++query)
            if (wanted(query, gallery)) return true;
        return false;
    }

    void score_pair(int64_t query, int64_t gallery, int64_t member) {
        Places places = results_.places;
        if (places.of_query != nullptr) {
            const int64_t first = (query * gallery_.number + gallery) * shape_.locations;
            places.of_query += first, places.of_gallery += first;
            if (places.query_maxima != nullptr) places.query_maxima += first, places.gallery_maxima += first;
        }
        const double sum = kernel_.weighted_sum(queries_.at(query), packed_.at(member), shape_, matcher_.weights,
                                                workspace_.at(0), places);
        const bool usable = queries_.usable(query) && packed_.usable(member);
        results_.scores[query * results_.row_stride + gallery] =
            usable ? static_cast<float>(matcher_.slope * sum + matcher_.intercept)
                   : std::numeric_limits<float>::quiet_NaN();
    }

    const Kernel& kernel_;
    MapShape shape_;
    const PackedMaps& queries_;
    Maps gallery_;
    Groups groups_;
    const Matcher& matcher_;
    const Results& results_;
    PackedMaps packed_;
    Memory workspace_;
};

}  // namespace

std::vector<const Kernel*> available_kernels(Precision precision) {
    std::vector<const Kernel*> kernels;
    if (precision == Precision::bf16) kernels = {amx_bf16_kernel, avx512_bf16_kernel};
    if (precision == Precision::fp32) kernels = {amx_fp32_kernel};
    kernels.insert(kernels.end(), {avx512_kernel, avx2_kernel, portable_kernel});
#if defined(__x86_64__)
    // Where this instruction takes as long as two of single precision: measured on Granite Rapids.
    if (precision == Precision::bf16 && __builtin_cpu_is("intel")) std::swap(kernels[1], kernels[2]);
#endif
    const auto missing = [](const Kernel* kernel) { return kernel == nullptr || !kernel->available(); };
    kernels.erase(std::remove_if(kernels.begin(), kernels.end(), missing), kernels.end());
    return kernels;
}

void score_pairs(const Kernel& kernel, Precision precision, MapShape shape, Maps query, Maps gallery,
                 const Matcher& matcher, int threads, const Results& results) {
    if (query.number == 0 || gallery.number == 0) return;
    threads = std::max(1, threads);
    const size_t map_size = size_t(shape.locations) * shape.channels;
    PackedMaps queries(kernel, precision, shape, Side::query, query.number);
    in_parallel(query.number, threads, [&] {
        return [&](int64_t index) { queries.pack(index, query.values + index * map_size); };
    });
    const int64_t in_cache = std::max<int64_t>(1, group_bytes() / kernel.gallery_bytes(shape));
    const Groups groups(gallery.number, in_cache, threads);
    in_parallel(groups.count(), threads, [&] {
        auto scorer =
            std::make_unique<Scorer>(kernel, precision, shape, queries, gallery, groups, matcher, results);
        return [scorer = std::move(scorer)](int64_t group) { scorer->score_group(group); };
    });
}

}  // namespace qaconv
