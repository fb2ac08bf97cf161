import{a}from"./chunk-EGQOW3LY.js";export{a as localLink};
