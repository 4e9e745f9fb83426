/* llama.cpp's own decode loop, as small as it can be: the yardstick for bench/decode.py.
 *
 *   raw_decode MODEL THREADS DEPTH TOKENS EXTRA_BUFFERS   prints tokens per second
 *
 * DEPTH tokens are read first; then TOKENS are sampled (temperature and a seed, like ours) and
 * decoded one by one. Only the second part is timed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <llama.h>

static void ignore(enum ggml_log_level level, const char *text, void *user) {
    (void)level, (void)text, (void)user;
}

int main(int argc, char **argv) {
    if (argc != 6) return 2;
    int threads = atoi(argv[2]), depth = atoi(argv[3]), tokens = atoi(argv[4]);
    llama_log_set(ignore, NULL);
    llama_backend_init();
    struct llama_model_params mp = llama_model_default_params(); mp.use_extra_bufts = strcmp(argv[5], "0");
    struct llama_model *model = llama_model_load_from_file(argv[1], mp);
    if (!model) return 1;

    struct llama_context_params params = llama_context_default_params();
    params.n_ctx = depth + tokens + 64;
    params.n_batch = params.n_ubatch = 256;
    params.n_threads = params.n_threads_batch = threads;
    struct llama_context *context = llama_init_from_model(model, params);
    if (!context) return 1;

    struct llama_sampler *chain = llama_sampler_chain_init(llama_sampler_chain_default_params());
    llama_sampler_chain_add(chain, llama_sampler_init_top_k(40));
    llama_sampler_chain_add(chain, llama_sampler_init_temp(0.7f));
    llama_sampler_chain_add(chain, llama_sampler_init_dist(1));

    llama_token *prompt = malloc(sizeof *prompt * depth);
    for (int i = 0; i < depth; i++) prompt[i] = 100 + i * 37 % 20000;
    for (int i = 0; i < depth; i += 256) {
        int n = depth - i < 256 ? depth - i : 256;
        if (llama_decode(context, llama_batch_get_one(prompt + i, n))) return 1;
    }
    int64_t started = llama_time_us();
    for (int i = 0; i < tokens; i++) {
        llama_token next = llama_sampler_sample(chain, context, -1);
        if (llama_decode(context, llama_batch_get_one(&next, 1))) return 1;
    }
    llama_synchronize(context);
    printf("%.3f\n", tokens * 1e6 / (double)(llama_time_us() - started));
    return 0;
}
