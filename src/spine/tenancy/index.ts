export * from './contract.ts';
export { createDirectory, readTenants, saveTenant, type Directory, type DirectoryOptions } from './service.ts';
