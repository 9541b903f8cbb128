#include "engine.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <thread>

#include "bfloat16.h"

namespace qaconv {
namespace {

// Packed queries held at a time; large enough that packing a gallery map once for each chunk costs next to nothing.
constexpr int64_t kQueryChunkBytes = 32 << 20;
// Gallery maps that a thread holds packed, so that a query's map, read from memory, serves several pairs: they should
// stay in the second-level cache.
constexpr int64_t kGalleryGroupBytes = 400 << 10;
constexpr size_t kAlignment = 64;

struct Free {
    void operator()(char* memory) const { std::free(memory); }
};
using Memory = std::unique_ptr<char, Free>;

size_t aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

Memory allocate(size_t bytes) {
    char* memory = static_cast<char*>(std::aligned_alloc(kAlignment, aligned(std::max<size_t>(bytes, 1))));
    if (memory == nullptr) throw std::bad_alloc();
    return Memory(memory);
}

// Whether every number is finite: the bits of the exponent are not all ones.
bool all_finite(const float* values, size_t count) {
    uint32_t largest = 0;
    for (size_t index = 0; index < count; ++index) {
        uint32_t bits;
        std::memcpy(&bits, values + index, sizeof bits);
        largest = std::max(largest, bits & 0x7f800000u);
    }
    return largest != 0x7f800000u;
}

bool takes_floats(const Kernel& kernel) { return std::strstr(kernel.name, "bf16") == nullptr; }

// Packs one map, rounded first where the precision asks for less than the kernel has.
class Packer {
  public:
    Packer(const Kernel& kernel, Precision precision, MapShape shape)
        : shape_(shape), rounds_(precision == Precision::bf16 && takes_floats(kernel)) {
        if (rounds_) rounded_.resize(size_t(shape.locations) * shape.channels);
    }

    // Returns whether the map is finite.
    bool pack(const float* map, void (*into)(const float*, MapShape, void*), void* packed) {
        const size_t count = size_t(shape_.locations) * shape_.channels;
        const float* source = map;
        if (rounds_) {
            for (size_t index = 0; index < count; ++index) {
                const uint32_t bits = uint32_t(bfloat16(map[index])) << 16;
                std::memcpy(&rounded_[index], &bits, sizeof bits);
            }
            source = rounded_.data();
        }
        into(source, shape_, packed);
        return all_finite(map, count);
    }

  private:
    MapShape shape_;
    bool rounds_;
    std::vector<float> rounded_;
};

// Runs work(index) for 0 <= index < count on some threads, each index once; work_of() makes a thread's own worker.
template <class MakeWorker>
void in_parallel(int64_t count, int threads, MakeWorker work_of) {
    std::atomic<int64_t> next{0};
    std::atomic<bool> failed{false};
    const auto run = [&] {
        try {
            auto work = work_of();
            for (int64_t index = next++; index < count && !failed; index = next++) work(index);
        } catch (const std::bad_alloc&) {
            failed = true;
        }
    };
    std::vector<std::thread> others;
    for (int thread = 1; thread < std::min<int64_t>(threads, count); ++thread) others.emplace_back(run);
    run();
    for (std::thread& other : others) other.join();
    if (failed) throw std::bad_alloc();
}

struct Call {
    const Kernel& kernel;
    Precision precision;
    MapShape shape;
    Weights weights;
    int threads;
    Results results;
    int64_t num_gallery;

    size_t map_size() const { return size_t(shape.locations) * shape.channels; }
};

// A thread that scores groups of gallery images against a chunk of packed queries.
class GalleryWorker {
  public:
    GalleryWorker(const Call& call, int64_t group)
        : call_(call), group_(group), gallery_bytes_(aligned(call.kernel.gallery_bytes(call.shape))),
          packed_(allocate(group * gallery_bytes_)), workspace_(allocate(call.kernel.workspace_bytes(call.shape))),
          packer_(call.kernel, call.precision, call.shape), finite_(group) {
        call_.kernel.begin_thread();
    }
    ~GalleryWorker() { call_.kernel.end_thread(); }
    GalleryWorker(const GalleryWorker&) = delete;
    GalleryWorker& operator=(const GalleryWorker&) = delete;

    void score(const float* gallery, int64_t first_gallery, const char* queries, size_t query_bytes,
               const std::vector<char>& query_finite, int64_t first_query) {
        const int64_t count = std::min(group_, call_.num_gallery - first_gallery);
        for (int64_t member = 0; member < count; ++member) {
            const float* map = gallery + (first_gallery + member) * call_.map_size();
            finite_[member] = packer_.pack(map, call_.kernel.pack_gallery, packed_.get() + member * gallery_bytes_);
        }
        for (size_t query = 0; query < query_finite.size(); ++query)
            for (int64_t member = 0; member < count; ++member) {
                const bool finite = query_finite[query] && finite_[member];
                score_pair(queries + query * query_bytes, packed_.get() + member * gallery_bytes_, finite,
                           first_query + query, first_gallery + member);
            }
    }

  private:
    void score_pair(const char* query, const char* gallery, bool finite, int64_t row, int64_t column) {
        const Weights& weights = call_.weights;
        const Results& results = call_.results;
        double score;
        if (results.best_of_query == nullptr) {
            score = call_.kernel.score(query, gallery, call_.shape, weights.query, weights.gallery, weights.center,
                                       workspace_.get());
        } else {
            const size_t place = size_t(row * call_.num_gallery + column) * call_.shape.locations;
            score = call_.kernel.score_with_indices(query, gallery, call_.shape, weights.query, weights.gallery,
                                                    weights.center, workspace_.get(), results.best_of_query + place,
                                                    results.best_of_gallery + place);
        }
        results.scores[row * results.row_stride + column] =
            finite ? static_cast<float>(score) : std::numeric_limits<float>::quiet_NaN();
    }

    const Call& call_;
    int64_t group_;
    size_t gallery_bytes_;
    Memory packed_, workspace_;
    Packer packer_;
    std::vector<char> finite_;
};

void score_chunk(const Call& call, const float* query, int64_t first_query, int64_t count, const float* gallery,
                 char* packed) {
    const size_t query_bytes = aligned(call.kernel.query_bytes(call.shape));
    std::vector<char> finite(count);
    in_parallel(count, call.threads, [&] {
        return [&, packer = Packer(call.kernel, call.precision, call.shape)](int64_t index) mutable {
            const float* map = query + (first_query + index) * call.map_size();
            finite[index] = packer.pack(map, call.kernel.pack_query, packed + index * query_bytes);
        };
    });
    const int64_t gallery_bytes = aligned(call.kernel.gallery_bytes(call.shape));
    const int64_t in_cache = std::max<int64_t>(1, kGalleryGroupBytes / gallery_bytes);
    // No larger than leaves each thread several groups, so that they end together.
    const int64_t even = std::max<int64_t>(1, call.num_gallery / (4 * call.threads));
    const int64_t group = std::min(in_cache, even);
    in_parallel((call.num_gallery + group - 1) / group, call.threads, [&] {
        auto worker = std::make_unique<GalleryWorker>(call, group);
        return [&, worker = std::move(worker), group](int64_t index) {
            worker->score(gallery, index * group, packed, query_bytes, finite, first_query);
        };
    });
}

}  // namespace

std::vector<const Kernel*> available_kernels(Precision precision) {
    std::vector<const Kernel*> kernels;
    if (precision == Precision::bf16) kernels = {amx_bf16_kernel, avx512_bf16_kernel};
    kernels.insert(kernels.end(), {avx512_kernel, avx2_kernel, portable_kernel});
    const auto missing = [](const Kernel* kernel) { return kernel == nullptr || !kernel->available(); };
    kernels.erase(std::remove_if(kernels.begin(), kernels.end(), missing), kernels.end());
    return kernels;
}

const Kernel* best_kernel(Precision precision) { return available_kernels(precision).front(); }

void score_pairs(const Kernel& kernel, Precision precision, MapShape shape, const float* query, int64_t num_query,
                 const float* gallery, int64_t num_gallery, Weights weights, int threads, Results results) {
    if (num_query == 0 || num_gallery == 0) return;
    const Call call{kernel, precision, shape, weights, std::max(1, threads), results, num_gallery};
    const int64_t query_bytes = aligned(kernel.query_bytes(shape));
    const int64_t chunk = std::min(num_query, std::max<int64_t>(1, kQueryChunkBytes / query_bytes));
    const Memory packed = allocate(chunk * query_bytes);
    for (int64_t first = 0; first < num_query; first += chunk)
        score_chunk(call, query, first, std::min(chunk, num_query - first), gallery, packed.get());
}

}  // namespace qaconv
