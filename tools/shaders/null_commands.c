/*
 * A Vulkan layer under which nothing is ever executed: commands are recorded nowhere, submits succeed at once, fences and
 * semaphores have always been signalled. With it Dawn opens a device on Mesa's null hardware (RADV_FORCE_FAMILY), which
 * compiles for a card that is not there and would crash at the first submit. Built by radv.ts; interface: the Vulkan
 * loader's "layer interface" document, version 2.
 */
#include <stdint.h>
#include <string.h>
#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

static VkInstance instance;
static PFN_vkGetInstanceProcAddr next_of_instance;
static PFN_vkGetDeviceProcAddr next_of_device;

static void nothing(void) {}
static VkResult success(void) { return VK_SUCCESS; }

static VkResult reached(VkDevice device, VkSemaphore semaphore, uint64_t *value) {
  (void)device, (void)semaphore;
  *value = UINT64_MAX / 2;
  return VK_SUCCESS;
}

/* Of the chain that the loader hands down, the link that says who comes next. */
static void *link_of(const void *chain, VkStructureType type) {
  for (const VkBaseInStructure *one = chain; one; one = one->pNext)
    if (one->sType == type && ((const VkLayerInstanceCreateInfo *)one)->function == VK_LAYER_LINK_INFO)
      return (void *)one;
  return NULL;
}

static VkResult create_instance(const VkInstanceCreateInfo *info, const VkAllocationCallbacks *callbacks, VkInstance *made) {
  VkLayerInstanceCreateInfo *link = link_of(info->pNext, VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO);
  if (!link) return VK_ERROR_INITIALIZATION_FAILED;
  next_of_instance = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
  link->u.pLayerInfo = link->u.pLayerInfo->pNext;
  PFN_vkCreateInstance create = (PFN_vkCreateInstance)next_of_instance(NULL, "vkCreateInstance");
  VkResult result = create(info, callbacks, made);
  if (result == VK_SUCCESS) instance = *made;
  return result;
}

static VkResult create_device(VkPhysicalDevice card, const VkDeviceCreateInfo *info, const VkAllocationCallbacks *callbacks, VkDevice *made) {
  VkLayerDeviceCreateInfo *link = link_of(info->pNext, VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO);
  if (!link) return VK_ERROR_INITIALIZATION_FAILED;
  PFN_vkGetInstanceProcAddr next = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
  next_of_device = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
  link->u.pLayerInfo = link->u.pLayerInfo->pNext;
  PFN_vkCreateDevice create = (PFN_vkCreateDevice)next(instance, "vkCreateDevice");
  return create(card, info, callbacks, made);
}

static const char *const AT_ONCE[] = {
    "vkBeginCommandBuffer", "vkEndCommandBuffer", "vkResetCommandPool", "vkQueueSubmit",   "vkQueueSubmit2",
    "vkQueueWaitIdle",      "vkDeviceWaitIdle",   "vkResetFences",      "vkWaitForFences", "vkWaitSemaphores",
    "vkGetFenceStatus",
};

static PFN_vkVoidFunction of_device(VkDevice device, const char *name) {
  if (!strcmp(name, "vkGetDeviceProcAddr")) return (PFN_vkVoidFunction)of_device;
  if (!strncmp(name, "vkCmd", 5)) return (PFN_vkVoidFunction)nothing;
  if (!strcmp(name, "vkGetSemaphoreCounterValue")) return (PFN_vkVoidFunction)reached;
  for (size_t i = 0; i < sizeof AT_ONCE / sizeof *AT_ONCE; i++)
    if (!strcmp(name, AT_ONCE[i])) return (PFN_vkVoidFunction)success;
  return next_of_device(device, name);
}

static PFN_vkVoidFunction of_instance(VkInstance of, const char *name) {
  if (!strcmp(name, "vkGetInstanceProcAddr")) return (PFN_vkVoidFunction)of_instance;
  if (!strcmp(name, "vkCreateInstance")) return (PFN_vkVoidFunction)create_instance;
  if (!strcmp(name, "vkCreateDevice")) return (PFN_vkVoidFunction)create_device;
  if (!strcmp(name, "vkGetDeviceProcAddr")) return (PFN_vkVoidFunction)of_device;
  return next_of_instance ? next_of_instance(of, name) : NULL;
}

VKAPI_ATTR VkResult VKAPI_CALL vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface *interface) {
  interface->loaderLayerInterfaceVersion = 2;
  interface->pfnGetInstanceProcAddr = of_instance;
  interface->pfnGetDeviceProcAddr = of_device;
  interface->pfnGetPhysicalDeviceProcAddr = NULL;
  return VK_SUCCESS;
}
