import{a,b}from"./chunk-HWLJYVKZ.js";import"./chunk-BY47DNS5.js";export{b as NotificationStore,a as applied};
