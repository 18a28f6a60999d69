/*
 * A test double of libedgetpu: the plug-in interface of external delegates, without an accelerator. It executes the
 * operator `edgetpu-custom-op`. The custom data of this operator is a CPU model, which the double runs in the TensorFlow
 * Lite C library.
 *
 * The folder of the double contains two files: `library`, the path of that C library, and `behaviour`, which is read at
 * each call:
 * healthy | no-device | create-fails | ignores | invoke-fails | hangs | destroy-hangs | aborts | off-by-4 | swapped
 *
 * While the double hangs, a third file exists: `hanging`. After a delegate was destroyed, a fourth one: `destroyed`.
 *
 * Like libedgetpu, the double passes its device through the external context of the interpreter, from the delegate to
 * the operator. It replaces one node at a time. It aborts if it is destroyed before the interpreter.
 *
 * The device is exclusive: while a process has a delegate, other processes get none.
 *
 * With -DABI_NEW, the registration has the fields that TensorFlow added in version 2.10 and later.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

typedef struct { int size; int data[]; } IntArray;
typedef struct Context Context;
typedef struct Delegate Delegate;

typedef struct {
  IntArray *inputs, *outputs, *intermediates, *temporaries;
  void *user_data, *builtin_data;
  const void *custom_initial_data;
  int custom_initial_data_size;
  Delegate *delegate;
} Node;

typedef struct {
  void *(*init)(Context *, const char *buffer, size_t length);
  void (*free)(Context *, void *buffer);
  int (*prepare)(Context *, Node *);
  int (*invoke)(Context *, Node *);
  const char *(*profiling_string)(const Context *, const Node *);
  int32_t builtin_code;
  const char *custom_name;
  int version;
#ifdef ABI_NEW
  void *registration_external, *async_kernel;
  uint64_t inplace_operator;
#endif
} Registration;

/* The first fields of TfLiteTensor. Its size is 112 bytes in all examined versions. */
typedef struct {
  int32_t type;
  void *data;
  IntArray *dims;
  float scale;
  int32_t zero_point;
  int allocation_type;
  size_t bytes;
  char rest[112 - 48];
} Tensor;

typedef struct { int type; int (*refresh)(Context *); } ExternalContext;

struct Context {
  size_t tensors_size;
  int (*get_execution_plan)(Context *, IntArray **);
  Tensor *tensors;
  void *impl;
  int (*resize_tensor)(Context *, Tensor *, IntArray *);
  void (*report_error)(Context *, const char *, ...);
  int (*add_tensors)(Context *, int, int *);
  int (*get_node_and_registration)(Context *, int, Node **, Registration **);
  int (*replace_nodes)(Context *, Registration, const IntArray *, Delegate *);
  int recommended_threads;
  ExternalContext *(*get_external_context)(Context *, int);
  void (*set_external_context)(Context *, int, ExternalContext *);
};

/* The state of a delegate. */
typedef struct { ExternalContext context; int operations; } Opened;

struct Delegate {
  Opened *data;
  int (*prepare)(Context *, Delegate *);
  void *copy_from, *copy_to, *free_handle;
  int64_t flags;
  void *opaque_delegate_builder;
};

typedef struct { int32_t threads; uint32_t flags; } XnnOptions;

/* The interpreter that executes one operator. */
typedef struct {
  Opened *opened;
  void *library, *interpreter;
} Device;

enum { OK = 0, ERROR = 1, ALLOW_DYNAMIC_TENSORS = 1, EDGETPU_CONTEXT = 2, INT8 = 9, LABELS_BELOW = 100 };

static int delegates = 0;
/* Locked while this process has delegates. */
static FILE *device_lock = NULL;

/* Returns the number of delegates, for tests. */
int double_delegates(void) { return delegates; }

static FILE *open_beside(const char *name, const char *mode) {
  Dl_info info;
  char path[4096];
  dladdr((void *)open_beside, &info);
  const char *slash = strrchr(info.dli_fname, '/');
  snprintf(path, sizeof path, "%.*s/%s", (int)(slash - info.dli_fname), info.dli_fname, name);
  return fopen(path, mode);
}

static void beside(const char *name, char *text, size_t size) {
  text[0] = 0;
  FILE *file = open_beside(name, "r");
  if (!file) return;
  if (!fgets(text, (int)size, file)) text[0] = 0;
  text[strcspn(text, "\n")] = 0;
  fclose(file);
}

static void note(const char *name) {
  FILE *file = open_beside(name, "w");
  if (file) fclose(file);
}

static bool behaves(const char *behaviour) {
  char found[64];
  beside("behaviour", found, sizeof found);
  return strcmp(found, behaviour) == 0;
}

#define SYMBOL(device, type, name) ((type)dlsym((device)->library, name))
typedef void *(*Make)(void);
typedef void *(*MakeFrom)(const void *, size_t);
typedef void *(*MakeWith)(void *, void *);

static Device *open_device(const void *model, size_t bytes) {
  char path[4096];
  beside("library", path, sizeof path);
  Device *device = calloc(1, sizeof *device);
  device->library = dlopen(path, RTLD_NOW);
  if (!device->library) return NULL;
  /* Never freed, because the interpreter points into it and the process of a test is short. */
  void *copy = aligned_alloc(64, (bytes + 63) / 64 * 64);
  memcpy(copy, model, bytes);
  void *loaded = SYMBOL(device, MakeFrom, "TfLiteModelCreate")(copy, bytes);
  void *options = SYMBOL(device, Make, "TfLiteInterpreterOptionsCreate")();
  XnnOptions xnn = SYMBOL(device, XnnOptions(*)(void), "TfLiteXNNPackDelegateOptionsDefault")();
  xnn.flags |= 3;
  void *kernels = SYMBOL(device, void *(*)(const XnnOptions *), "TfLiteXNNPackDelegateCreate")(&xnn);
  SYMBOL(device, void (*)(void *, void *), "TfLiteInterpreterOptionsAddDelegate")(options, kernels);
  device->interpreter = SYMBOL(device, MakeWith, "TfLiteInterpreterCreate")(loaded, options);
  if (!device->interpreter) return NULL;
  return SYMBOL(device, int (*)(void *), "TfLiteInterpreterAllocateTensors")(device->interpreter) ? NULL : device;
}

static void change(Tensor *tensor) {
  int8_t *values = tensor->data;
  if (tensor->type != INT8 || tensor->bytes > LABELS_BELOW) return;
  if (behaves("swapped")) {
    int8_t saved = values[3];
    values[3] = values[7];
    values[7] = saved;
  } else if (behaves("off-by-4")) {
    for (size_t i = 0; i < tensor->bytes; i++) values[i] = (int8_t)(values[i] > 123 ? 127 : values[i] + 4);
  }
}

/* Returns whether the external context of the interpreter is still the context that the delegate has set. */
static bool connected(Context *context, const Device *device) {
  if (device && context->get_external_context(context, EDGETPU_CONTEXT) == &device->opened->context) return true;
  context->report_error(context, "Failed to retrieve TPU context.");
  return false;
}

static void hang(void) {
  note("hanging");
  for (;;) pause();
}

static int run(Context *context, Node *node) {
  Device *device = node->user_data;
  if (!connected(context, device)) return ERROR;
  if (behaves("hangs")) hang();
  if (behaves("aborts")) {
    fprintf(stderr, "the double of libedgetpu aborts\n");
    abort();
  }
  if (behaves("invoke-fails") || behaves("no-device")) {
    context->report_error(context, "the Edge TPU does not answer");
    return ERROR;
  }
  Tensor *in = &context->tensors[node->inputs->data[0]];
  typedef void *(*At)(void *, int32_t);
  void *input = SYMBOL(device, At, "TfLiteInterpreterGetInputTensor")(device->interpreter, 0);
  typedef int (*Copy)(void *, void *, size_t);
  if (SYMBOL(device, Copy, "TfLiteTensorCopyFromBuffer")(input, in->data, in->bytes)) return ERROR;
  if (SYMBOL(device, int (*)(void *), "TfLiteInterpreterInvoke")(device->interpreter)) return ERROR;
  for (int i = 0; i < node->outputs->size; i++) {
    Tensor *out = &context->tensors[node->outputs->data[i]];
    void *output = SYMBOL(device, At, "TfLiteInterpreterGetOutputTensor")(device->interpreter, i);
    if (SYMBOL(device, Copy, "TfLiteTensorCopyToBuffer")(output, out->data, out->bytes)) return ERROR;
    change(out);
  }
  return OK;
}

typedef struct { Delegate *delegate; IntArray *nodes; } Params;

static void *init(Context *context, const char *buffer, size_t length) {
  (void)length;
  Node *node;
  Registration *registration;
  const Params *params = (const Params *)buffer;
  context->get_node_and_registration(context, params->nodes->data[0], &node, &registration);
  Device *device = open_device(node->custom_initial_data, (size_t)node->custom_initial_data_size);
  if (device) {
    device->opened = params->delegate->data;
    device->opened->operations++;
  }
  return device;
}

static void end(Context *context, void *buffer) {
  (void)context;
  Device *device = buffer;
  if (!device) return;
  SYMBOL(device, void (*)(void *), "TfLiteInterpreterDelete")(device->interpreter);
  device->opened->operations--;
  free(device);
}

static int ready(Context *context, Node *node) {
  return connected(context, node->user_data) ? OK : ERROR;
}

static int claim(Context *context, Delegate *delegate) {
  if (behaves("ignores")) return OK;
  context->set_external_context(context, EDGETPU_CONTEXT, &delegate->data->context);
  IntArray *plan;
  if (context->get_execution_plan(context, &plan)) return ERROR;
  /* Collects the nodes first, because replacing a node changes the plan. */
  IntArray *found = malloc(sizeof(IntArray) + sizeof(int) * (size_t)plan->size);
  found->size = 0;
  for (int i = 0; i < plan->size; i++) {
    Node *node;
    Registration *registration;
    if (context->get_node_and_registration(context, plan->data[i], &node, &registration)) return ERROR;
    if (registration->custom_name && strcmp(registration->custom_name, "edgetpu-custom-op") == 0)
      found->data[found->size++] = plan->data[i];
  }
  Registration kernel = {.init = init, .free = end, .prepare = ready, .invoke = run, .version = 1};
  kernel.custom_name = "EdgeTpuDelegateForCustomOp";
  IntArray *one = malloc(sizeof(IntArray) + sizeof(int));
  one->size = 1;
  int status = OK;
  for (int i = 0; i < found->size && status == OK; i++) {
    one->data[0] = found->data[i];
    status = context->replace_nodes(context, kernel, one, delegate);
  }
  free(one);
  free(found);
  return status;
}

Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
  char options[256] = "";
  for (size_t i = 0; i < count; i++) {
    size_t used = strlen(options);
    snprintf(options + used, sizeof options - used, "%s=%s;", keys[i], values[i]);
  }
  if (behaves("no-device")) return NULL; /* like libedgetpu, without a report */
  if (behaves("create-fails")) {
    char text[320];
    snprintf(text, sizeof text, "cannot be opened with %s", options);
    report(text);
    return NULL;
  }
  if (delegates == 0) {
    device_lock = open_beside("device", "we");
    if (!device_lock || flock(fileno(device_lock), LOCK_EX | LOCK_NB)) {
      if (device_lock) fclose(device_lock);
      return NULL;
    }
  }
  Delegate *delegate = calloc(1, sizeof *delegate);
  delegate->data = calloc(1, sizeof *delegate->data);
  delegate->data->context.type = EDGETPU_CONTEXT;
  delegate->prepare = claim;
  delegate->flags = ALLOW_DYNAMIC_TENSORS;
  delegates++;
  return delegate;
}

void tflite_plugin_destroy_delegate(Delegate *delegate) {
  if (delegate->data->operations > 0) {
    fprintf(stderr, "the delegate is destroyed before its interpreter\n");
    abort();
  }
  if (behaves("destroy-hangs")) hang();
  free(delegate->data);
  free(delegate);
  if (--delegates == 0) fclose(device_lock);
  note("destroyed");
}
