import{a as o,b as r,c as e,d as t}from"./chunk-QIDHIL7V.js";import"./chunk-BY47DNS5.js";export{r as NotificationSocket,t as SharedSocket,e as announceUser,o as socketUrl};
